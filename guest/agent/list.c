/*
 * list PATH [hash]: every entry at and below PATH, parents first, as `TYPE MODE SIZE MTIME-NS SHA256 PATH\0`. PATH is
 * relative ("" for the root itself), TYPE one of f d l o (other), SHA256 `-` unless asked for and TYPE is f; a link's
 * is its target in hex.
 */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool hash_files;
static int failures;

static bool hash_of(int folder, const char *name, char hex[65])
{
    static uint8_t buffer[64 * 1024];
    struct sha256 hash;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return false;
    sha256_start(&hash);
    ssize_t got;
    while ((got = read(fd, buffer, sizeof buffer)) > 0) sha256_add(&hash, buffer, (size_t)got);
    close(fd);
    sha256_end(&hash, hex);
    return got == 0;
}

static void entry(int folder, const char *name, const char *path)
{
    struct stat facts;
    char word[2 * PATH_MAX + 1] = "-", target[PATH_MAX];
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno != ENOENT) failures += complain("list:", path);
        return;
    }
    char type = S_ISREG(facts.st_mode) ? 'f' : S_ISDIR(facts.st_mode) ? 'd' : S_ISLNK(facts.st_mode) ? 'l' : 'o';
    if (type == 'f' && hash_files && !hash_of(folder, name, word)) {
        failures += complain("list:", path);
        strcpy(word, "-");
    }
    if (type == 'l') {
        ssize_t length = readlinkat(folder, name, target, sizeof target);
        for (ssize_t index = 0; index < length; index += 1) sprintf(word + 2 * index, "%02x", (unsigned char)target[index]);
    }
    printf("%c %o %lld %lld%09ld %s %s", type, (unsigned)(facts.st_mode & 07777), (long long)facts.st_size, (long long)facts.st_mtim.tv_sec,
           (long)facts.st_mtim.tv_nsec, word, path);
    putchar(0);
    if (type != 'd') return;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        failures += complain("list:", path);
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *below; (below = readdir(list)) != NULL;) {
        if (strcmp(below->d_name, ".") == 0 || strcmp(below->d_name, "..") == 0) continue;
        size_t size = strlen(path) + strlen(below->d_name) + 2;
        char *full = malloc(size);
        if (full == NULL) exit(complain("list:", path));
        snprintf(full, size, "%s%s%s", path, path[0] ? "/" : "", below->d_name);
        entry(fd, below->d_name, full);
        free(full);
    }
    closedir(list);
}

int applet_list(int count, char **words)
{
    if (count < 2 || count > 3) return 2;
    hash_files = count == 3 && strcmp(words[2], "hash") == 0;
    if (access(words[1], F_OK) != 0) return complain("list:", words[1]);
    entry(AT_FDCWD, words[1], "");
    if (fflush(stdout) != 0) return 1;
    return failures > 0;
}
