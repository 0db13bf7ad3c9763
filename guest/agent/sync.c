/*
 * sync and fetch: a folder of the guest that follows one of the host, and the way back. The folder carries a stamp (an
 * extended attribute: it goes with the folder, a snapshot brings the old one back, a fork has its parent's), so that the
 * host knows in one message whether what it remembers of the folder is still so.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { STAMP_LIMIT = 160, LIST_LIMIT = 64 * 1024 * 1024, STATUS_OTHER_STAMP = 3 };

/* tmpfs takes `user.` since Linux 6.6, `trusted.` always, but from root only. */
static const char *const attributes[] = {"user.vivarium.sync", "trusted.vivarium.sync"};

static void read_stamp(int folder, char stamp[STAMP_LIMIT])
{
    for (size_t index = 0; index < sizeof attributes / sizeof *attributes; index += 1) {
        ssize_t length = fgetxattr(folder, attributes[index], stamp, STAMP_LIMIT - 1);
        if (length < 0) continue;
        stamp[length] = 0;
        return;
    }
    strcpy(stamp, "-");
}

static void write_stamp(int folder, const char *stamp)
{
    for (size_t index = 0; index < sizeof attributes / sizeof *attributes; index += 1) {
        if (stamp == NULL) fremovexattr(folder, attributes[index]);
        /* A file system that keeps none: the host compares each time. */
        else if (fsetxattr(folder, attributes[index], stamp, strlen(stamp), 0) == 0) return;
    }
}

/* A guest that fell over may have lost what it had not written yet: a stamp counts for one boot. */
static void with_boot(char full[STAMP_LIMIT], const char *stamp)
{
    char boot[40] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t length = read(fd, boot, sizeof boot - 1);
        boot[length > 0 ? length : 0] = 0;
        boot[strcspn(boot, "\n")] = 0;
        close(fd);
    }
    snprintf(full, STAMP_LIMIT, "%.100s %s", stamp, boot);
}

/* What is made in somebody's folder is theirs: go on as the owner of the nearest folder that exists. */
static void become_owner(const char *path)
{
    char place[PATH_MAX];
    struct stat facts;
    if (geteuid() != 0) return;
    snprintf(place, sizeof place, "%s", path);
    while (stat(place, &facts) != 0) {
        char *slash = strrchr(place, '/');
        if (slash == NULL) return;
        *slash = 0;
        if (place[0] == 0) return;
    }
    if (facts.st_uid == 0) return;
    if (setgroups(0, NULL) != 0 || setgid(facts.st_gid) != 0 || setuid(facts.st_uid) != 0) exit(complain("sync:", path));
}

static int open_folder(const char *path)
{
    char place[PATH_MAX];
    if (strlen(path) >= sizeof place) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(place, path);
    for (char *at = place + 1; *at != 0; at += 1) {
        if (*at != '/') continue;
        *at = 0;
        if (mkdir(place, 0777) != 0 && errno != EEXIST) return -1;
        *at = '/';
    }
    if (mkdir(place, 0777) != 0 && errno != EEXIST) return -1;
    return open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A length (32 bits) and so many bytes of names, each ended by a zero. */
static char *read_names(size_t *bytes)
{
    uint8_t length[4];
    tar_take(length, sizeof length);
    *bytes = get32(length);
    if (*bytes > LIST_LIMIT) {
        fprintf(stderr, "sync: the list of names is too long\n");
        exit(1);
    }
    char *names = malloc(*bytes + 1);
    if (names == NULL) exit(complain("sync:", "names"));
    if (*bytes > 0) tar_take(names, *bytes);
    names[*bytes] = 0;
    return names;
}

/* What is not there is gone already; a folder that still holds something holds what is the guest's own. */
static int remove_name(int root, const char *name)
{
    char last[NAME_MAX + 1];
    int folder = tar_open_parent(root, name, last, false);
    if (folder < 0) return 0;
    int failed = 0;
    if (last[0] != 0 && unlinkat(folder, last, 0) != 0 && errno != ENOENT) {
        bool is_folder = errno == EISDIR || errno == EPERM;
        if (!is_folder || (unlinkat(folder, last, AT_REMOVEDIR) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT))
            failed = complain("sync: cannot remove", name);
    }
    close(folder);
    return failed;
}

/*
 * sync FOLDER: says the folder's stamp (`stamp TEXT` or `stamp -`).
 * sync FOLDER WAS NOW: on stdin the names to remove and an archive, as `put` takes it; nothing is touched and 3 is
 * given when the stamp is not WAS of this boot (`any`: whatever it is). The stamp is away while the work goes on.
 */
int applet_sync(int count, char **words)
{
    char stamp[STAMP_LIMIT], wanted[STAMP_LIMIT];
    if (count != 2 && count != 4) return 2;
    if (count == 2) {
        int root = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 && errno != ENOENT) return complain("sync:", words[1]);
        if (root < 0) strcpy(stamp, "-");
        else read_stamp(root, stamp);
        fprintf(stderr, "stamp %s\n", stamp);
        return 0;
    }
    become_owner(words[1]);
    umask(022);
    int root = open_folder(words[1]);
    if (root < 0) return complain("sync:", words[1]);
    if (flock(root, LOCK_EX) != 0) return complain("sync:", words[1]);
    read_stamp(root, stamp);
    with_boot(wanted, words[2]);
    if (strcmp(words[2], "any") != 0 && strcmp(stamp, wanted) != 0) {
        fprintf(stderr, "stamp %s\n", stamp);
        return STATUS_OTHER_STAMP;
    }
    write_stamp(root, NULL);
    tar_start();
    size_t bytes;
    int failures = 0;
    char *names = read_names(&bytes);
    for (char *name = names; name < names + bytes; name += strlen(name) + 1) failures += remove_name(root, name);
    failures += tar_put(root);
    if (failures == 0) {
        with_boot(wanted, words[3]);
        write_stamp(root, wanted);
    }
    tar_end_line();
    return failures > 0;
}

/* fetch FOLDER: names on stdin as `sync` takes them; those that are files or links come as an archive, as from `get`. */
int applet_fetch(int count, char **words)
{
    if (count != 2) return 2;
    int root = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return complain("fetch:", words[1]);
    size_t bytes;
    char *names = read_names(&bytes);
    tar_start();
    int failures = 0;
    for (char *name = names; name < names + bytes; name += strlen(name) + 1) {
        char last[NAME_MAX + 1];
        struct stat facts;
        int folder = tar_open_parent(root, name, last, false);
        if (folder < 0 || fstatat(folder, last, &facts, AT_SYMLINK_NOFOLLOW) != 0) failures += complain("fetch:", name);
        else if (!S_ISDIR(facts.st_mode) && !tar_get(folder, last, name)) return complain("fetch:", name);
        if (folder >= 0) close(folder);
    }
    failures += tar_get_end();
    return failures > 0;
}
