/* watch FOLDER: changes below it as they happen, `KIND PATH\0` (PATH relative; KIND: created, changed, removed, overflow). */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint32_t wanted = IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW;

/* Paths of watched folders by watch descriptor, relative to the root ("" is the root itself). */
static char **folders;
static int folder_limit;
static int notify;
static const char *root;

static void tell(const char *kind, const char *folder, const char *name)
{
    printf("%s %s%s%s", kind, folder, folder[0] && name[0] ? "/" : "", name);
    putchar(0);
}

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%s%s%s", folder, folder[0] && name[0] ? "/" : "", name);
    return path;
}

/* Watches a folder and all below it. `new`: what is found there was not told yet. */
static bool add(const char *folder, bool new)
{
    char *path = join(root, folder);
    if (path == NULL) return false;
    int watch = inotify_add_watch(notify, path, wanted);
    if (watch < 0) {
        bool gone = errno == ENOENT || errno == ENOTDIR;
        if (!gone) complain("watch:", path);
        free(path);
        return gone;
    }
    if (watch >= folder_limit) {
        int limit = watch + 256;
        char **grown = realloc(folders, (size_t)limit * sizeof *folders);
        if (grown == NULL) return false;
        memset(grown + folder_limit, 0, (size_t)(limit - folder_limit) * sizeof *grown);
        folders = grown;
        folder_limit = limit;
    }
    free(folders[watch]);
    folders[watch] = strdup(folder);
    DIR *list = opendir(path);
    free(path);
    bool whole = true;
    for (struct dirent *entry; whole && list != NULL && (entry = readdir(list)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (new) tell("created", folder, entry->d_name);
        struct stat facts;
        if (fstatat(dirfd(list), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(facts.st_mode)) continue;
        char *below = join(folder, entry->d_name);
        whole = below != NULL && add(below, new);
        free(below);
    }
    if (list != NULL) closedir(list);
    return whole;
}

static bool take(const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        tell("overflow", "", "");
        return true;
    }
    if (event->wd < 0 || event->wd >= folder_limit || folders[event->wd] == NULL) return true;
    const char *folder = folders[event->wd];
    if (event->mask & IN_IGNORED) {
        free(folders[event->wd]);
        folders[event->wd] = NULL;
        return true;
    }
    if (event->len == 0) return true;
    const char *kind = event->mask & (IN_DELETE | IN_MOVED_FROM) ? "removed" : event->mask & (IN_CREATE | IN_MOVED_TO) ? "created" : "changed";
    tell(kind, folder, event->name);
    if (!(event->mask & IN_ISDIR) || kind[0] != 'c' || kind[1] != 'r') return true;
    char *below = join(folder, event->name);
    bool added = below != NULL && add(below, true);
    free(below);
    return added;
}

int applet_watch(int count, char **words)
{
    static char buffer[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    if (count != 2) return 2;
    root = words[1];
    notify = inotify_init1(IN_CLOEXEC);
    if (notify < 0) return complain("watch:", root);
    struct stat facts;
    if (stat(root, &facts) != 0) return complain("watch:", root);
    if (!add("", false)) return 1;
    tell("ready", "", "");
    for (;;) {
        if (fflush(stdout) != 0) return 1;
        ssize_t got = read(notify, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return complain("watch:", root);
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            if (!take(event)) return 1;
            at += sizeof *event + event->len;
        }
    }
}
