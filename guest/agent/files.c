/*
 * files OPERATION …: one change or one look at the guest's files, for an editor. What fails says `errno NUMBER` on
 * stderr and exits with 1. Records end with a zero byte; TYPE is f d o (other) or - (a link that leads nowhere), of what
 * a link leads to; LINK is 0 or 1.
 *
 *   stat PATH                     TYPE LINK MODE SIZE MTIME-NS CTIME-NS WRITABLE TARGET
 *   list PATH LIMIT               TYPE LINK SIZE MTIME-NS NAME for each entry; `more` when there are more than LIMIT
 *   read PATH OFFSET LENGTH       the bytes
 *   write PATH HOW SIZE           HOW: create, overwrite, either; stdin, SIZE bytes of it, becomes the file at once
 *   mkdir PATH
 *   rename OLD NEW HOW            HOW: keep (what is there), overwrite
 *   copy OLD NEW HOW
 *   remove PATH HOW               HOW: one, tree; never into another file system
 *   watch PATH                    created|changed|removed NAME of a folder, not below it; `ready`, `overflow`, `gone`
 */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int fail(int number)
{
    fprintf(stderr, "errno %d\n", number);
    return 1;
}

static char type_of(mode_t mode)
{
    return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : 'o';
}

static long long nanoseconds(struct timespec time)
{
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* What a name is, and what it leads to; a link that leads nowhere is itself. */
static bool look(int folder, const char *name, struct stat *own, struct stat *led, char *type)
{
    if (fstatat(folder, name, own, AT_SYMLINK_NOFOLLOW) != 0) return false;
    *led = *own;
    if (S_ISLNK(own->st_mode) && fstatat(folder, name, led, 0) != 0) {
        *led = *own;
        *type = '-';
    } else
        *type = type_of(led->st_mode);
    return true;
}

static int stat_one(const char *path)
{
    struct stat own, led;
    char type, target[PATH_MAX];
    if (!look(AT_FDCWD, path, &own, &led, &type)) return fail(errno);
    bool link = S_ISLNK(own.st_mode);
    ssize_t length = link ? readlink(path, target, sizeof target) : 0;
    printf("%c %d %o %lld %lld %lld %d ", type, link, (unsigned)(led.st_mode & 07777), (long long)led.st_size, nanoseconds(led.st_mtim),
           nanoseconds(led.st_ctim), access(path, W_OK) == 0);
    if (length > 0) fwrite(target, 1, (size_t)length, stdout);
    putchar(0);
    return fflush(stdout) == 0 ? 0 : 1;
}

static bool dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int list_one(const char *path, long limit)
{
    DIR *list = opendir(path);
    if (list == NULL) return fail(errno);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        struct stat own, led;
        char type;
        if (dots(entry->d_name)) continue;
        if (limit-- == 0) {
            printf("more");
            putchar(0);
            break;
        }
        /* Gone meanwhile: no longer an entry. */
        if (!look(dirfd(list), entry->d_name, &own, &led, &type)) continue;
        printf("%c %d %lld %lld %s", type, S_ISLNK(own.st_mode), (long long)led.st_size, nanoseconds(led.st_mtim), entry->d_name);
        putchar(0);
    }
    closedir(list);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* A file to read: nothing else, and without waiting for a pipe's other end. */
static int open_file(int folder, const char *name, int flags)
{
    struct stat facts;
    int fd = openat(folder, name, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return -1;
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) return fd;
    close(fd);
    errno = S_ISDIR(facts.st_mode) ? EISDIR : EINVAL;
    return -1;
}

/* At most `limit` bytes from one to the other; -1: errno says why. */
static long long pump(int from, int to, long long limit)
{
    static uint8_t buffer[64 * 1024];
    long long done = 0;
    while (done < limit) {
        size_t want = (size_t)(limit - done) < sizeof buffer ? (size_t)(limit - done) : sizeof buffer;
        ssize_t got = read(from, buffer, want);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || (got > 0 && !write_whole(to, buffer, (size_t)got))) return -1;
        if (got == 0) break;
        done += got;
    }
    return done;
}

static int read_one(const char *path, long long offset, long long length)
{
    int fd = open_file(AT_FDCWD, path, O_RDONLY);
    if (fd < 0) return fail(errno);
    if (offset > 0 && lseek(fd, offset, SEEK_SET) < 0) return fail(errno);
    return pump(fd, STDOUT_FILENO, length) < 0 ? fail(errno) : 0;
}

static char *parent_of(const char *path)
{
    char *parent = strdup(path);
    if (parent == NULL) return NULL;
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        strcpy(parent, ".");
    else
        slash[slash == parent] = 0;
    return parent;
}

/* A name beside `path` that nobody has. */
static bool name_beside(const char *path, char *beside, size_t size)
{
    char *parent = parent_of(path);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length = parent == NULL ? -1 : snprintf(beside, size, "%s/.viv-%d-%ld", parent, (int)getpid(), now.tv_nsec);
    free(parent);
    if (length > 0 && (size_t)length < size) return true;
    errno = ENAMETOOLONG;
    return false;
}

/* What root makes in somebody's folder is that person's. */
static void give_to_folder_owner(const char *path, int fd)
{
    struct stat facts;
    char *parent = parent_of(path);
    if (geteuid() == 0 && parent != NULL && stat(parent, &facts) == 0 && (facts.st_uid != 0 || facts.st_gid != 0)) {
        if (fd >= 0 ? fchown(fd, facts.st_uid, facts.st_gid) : lchown(path, facts.st_uid, facts.st_gid)) errno = 0;
    }
    free(parent);
}

/* Owner, mode, and attributes (access lists, labels) of the file that is replaced. What is not allowed is left. */
static void take_after(int fd, int old, const struct stat *facts)
{
    static char names[64 * 1024], value[64 * 1024];
    if (fchown(fd, facts->st_uid, facts->st_gid) != 0) errno = 0;
    fchmod(fd, facts->st_mode & 07777);
    ssize_t length = old < 0 ? 0 : flistxattr(old, names, sizeof names);
    for (char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(old, name, value, sizeof value);
        if (size >= 0 && fsetxattr(fd, name, value, (size_t)size, 0) != 0) errno = 0;
    }
}

/* Where no file can stand beside it, or others have it under another name: in place, when all of it is here. */
static int write_in_place(const char *path, long long size)
{
    int spool = memfd_create("viv-agent", MFD_CLOEXEC);
    if (spool < 0) return fail(errno);
    long long got = pump(STDIN_FILENO, spool, size);
    if (got != size) return fail(got < 0 ? errno : EPIPE);
    int fd = open_file(AT_FDCWD, path, O_WRONLY | O_TRUNC);
    if (fd < 0) return fail(errno);
    if (lseek(spool, 0, SEEK_SET) < 0 || pump(spool, fd, size) != size || close(fd) != 0) return fail(errno);
    return 0;
}

static int write_one(const char *given, const char *how, long long size)
{
    char path[PATH_MAX], beside[PATH_MAX];
    struct stat facts;
    bool there = stat(given, &facts) == 0;
    if (!there && errno != ENOENT) return fail(errno);
    if (there && strcmp(how, "create") == 0) return fail(EEXIST);
    if (!there && strcmp(how, "overwrite") == 0) return fail(ENOENT);
    if (there && !S_ISREG(facts.st_mode)) return fail(S_ISDIR(facts.st_mode) ? EISDIR : EINVAL);
    /* Through a link, so that the link stays one; a link that leads nowhere is no place to write to. */
    if (there ? realpath(given, path) == NULL : lstat(given, &(struct stat){0}) == 0) return fail(there ? errno : ENOENT);
    if (!there && snprintf(path, sizeof path, "%s", given) >= (int)sizeof path) return fail(ENAMETOOLONG);
    if (there && facts.st_nlink > 1) return write_in_place(path, size);
    if (!name_beside(path, beside, sizeof beside)) return fail(errno);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, there ? 0600 : 0666);
    if (fd < 0) return there && errno != ENOSPC && errno != EDQUOT ? write_in_place(path, size) : fail(errno);
    int number = 0;
    int old = there ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    long long got = pump(STDIN_FILENO, fd, size);
    if (got != size) number = got < 0 ? errno : EPIPE;
    if (there)
        take_after(fd, old, &facts);
    else
        give_to_folder_owner(path, fd);
    if (old >= 0) close(old);
    if (number == 0 && fsync(fd) != 0 && errno != EINVAL) number = errno;
    if (close(fd) != 0 && number == 0) number = errno;
    if (number == 0 && (there ? rename(beside, path) : (int)syscall(SYS_renameat2, AT_FDCWD, beside, AT_FDCWD, path, 1u)) != 0) {
        number = errno;
        /* A file system that cannot promise to replace nothing (RENAME_NOREPLACE): looked at again, then renamed. */
        if (!there && (number == EINVAL || number == ENOSYS)) {
            number = lstat(path, &facts) == 0 ? EEXIST : 0;
            if (number == 0 && rename(beside, path) != 0) number = errno;
        }
    }
    if (number == 0) return 0;
    unlink(beside);
    return fail(number);
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0) return fail(errno);
    give_to_folder_owner(path, -1);
    return 0;
}

/* A name and all below it. Links are taken away, not followed; another file system is left alone. */
static int remove_tree(int folder, const char *name, dev_t device)
{
    struct stat facts;
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (facts.st_dev != device) return EXDEV;
    if (!S_ISDIR(facts.st_mode)) return unlinkat(folder, name, 0) == 0 ? 0 : errno;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno;
    DIR *list = fdopendir(fd);
    if (list == NULL) {
        close(fd);
        return ENOMEM;
    }
    int number = 0;
    for (struct dirent *entry; number == 0 && (entry = readdir(list)) != NULL;)
        if (!dots(entry->d_name)) number = remove_tree(fd, entry->d_name, device);
    closedir(list);
    if (number == ENOENT) number = 0;
    return number != 0 ? number : unlinkat(folder, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

static int remove_path(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) != 0 ? errno : remove_tree(AT_FDCWD, path, facts.st_dev);
}

static int remove_one(const char *path, const char *how)
{
    struct stat facts;
    if (strcmp(path, "/") == 0) return fail(EBUSY);
    if (lstat(path, &facts) != 0) return fail(errno);
    int number = strcmp(how, "tree") == 0 ? remove_path(path) : (S_ISDIR(facts.st_mode) ? rmdir(path) : unlink(path)) == 0 ? 0 : errno;
    return number == 0 ? 0 : fail(number);
}

static int copy_tree(int folder, const char *name, int into, const char *as)
{
    struct stat facts;
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    struct timespec times[2] = {facts.st_atim, facts.st_mtim};
    if (S_ISLNK(facts.st_mode)) {
        char target[PATH_MAX];
        ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
        if (length < 0) return errno;
        target[length] = 0;
        if (symlinkat(target, into, as) != 0) return errno;
        if (fchownat(into, as, facts.st_uid, facts.st_gid, AT_SYMLINK_NOFOLLOW) != 0) errno = 0;
        return 0;
    }
    if (S_ISREG(facts.st_mode)) {
        int from = open_file(folder, name, O_RDONLY | O_NOFOLLOW);
        if (from < 0) return errno;
        int to = openat(into, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        int number = to < 0 ? errno : pump(from, to, LLONG_MAX) < 0 ? errno : 0;
        if (number == 0) take_after(to, from, &facts);
        if (number == 0) futimens(to, times);
        if (to >= 0 && close(to) != 0 && number == 0) number = errno;
        close(from);
        return number;
    }
    /* Pipes, sockets and devices are not what an editor copies. */
    if (!S_ISDIR(facts.st_mode)) return 0;
    int from = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0) return errno;
    int to = mkdirat(into, as, 0700) != 0 ? -1 : openat(into, as, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = to < 0 ? NULL : fdopendir(from);
    int number = list == NULL ? errno : 0;
    for (struct dirent *entry; number == 0 && (entry = readdir(list)) != NULL;)
        if (!dots(entry->d_name)) number = copy_tree(dirfd(list), entry->d_name, to, entry->d_name);
    if (number == 0) {
        take_after(to, dirfd(list), &facts);
        futimens(to, times);
    }
    if (list != NULL)
        closedir(list);
    else
        close(from);
    if (to >= 0) close(to);
    return number;
}

/* Puts what has the name `from` in the place `to`; what was there stands aside until that is done. */
static int put_in_place(const char *from, const char *to, bool overwrite)
{
    char aside[PATH_MAX];
    struct stat here, there;
    if (lstat(from, &here) != 0) return errno;
    if (lstat(to, &there) != 0) return errno != ENOENT ? errno : rename(from, to) == 0 ? 0 : errno;
    /* Another name of itself: a link, or capitals where they do not count. */
    if (here.st_dev == there.st_dev && here.st_ino == there.st_ino) return rename(from, to) == 0 ? 0 : errno;
    if (!overwrite) return EEXIST;
    if (!S_ISDIR(there.st_mode) && !S_ISDIR(here.st_mode)) return rename(from, to) == 0 ? 0 : errno;
    if (!name_beside(to, aside, sizeof aside) || rename(to, aside) != 0) return errno;
    int number = rename(from, to) == 0 ? 0 : errno;
    if (number == 0) return remove_path(aside);
    return rename(aside, to) == 0 ? number : errno;
}

/* A folder cannot be put into itself. */
static bool is_within(const char *path, const char *folder)
{
    char real_parent[PATH_MAX], real_folder[PATH_MAX];
    char *parent = parent_of(path);
    bool known = parent != NULL && realpath(parent, real_parent) != NULL && realpath(folder, real_folder) != NULL;
    free(parent);
    size_t length = known ? strlen(real_folder) : 0;
    return known && strncmp(real_parent, real_folder, length) == 0 && (real_parent[length] == 0 || real_parent[length] == '/');
}

static int copy_one(const char *from, const char *to, bool overwrite, bool owner_of_folder)
{
    char beside[PATH_MAX];
    struct stat facts;
    if (lstat(from, &facts) != 0) return errno;
    if (S_ISDIR(facts.st_mode) && is_within(to, from)) return EINVAL;
    if (!overwrite && lstat(to, &(struct stat){0}) == 0) return EEXIST;
    if (!name_beside(to, beside, sizeof beside)) return errno;
    int number = copy_tree(AT_FDCWD, from, AT_FDCWD, beside);
    if (number == 0 && owner_of_folder && !S_ISDIR(facts.st_mode)) give_to_folder_owner(beside, -1);
    if (number == 0) number = put_in_place(beside, to, overwrite);
    if (number != 0) remove_path(beside);
    return number;
}

static int rename_one(const char *from, const char *to, bool overwrite)
{
    int number = put_in_place(from, to, overwrite);
    if (number != EXDEV) return number;
    number = copy_one(from, to, overwrite, false);
    return number != 0 ? number : remove_path(from);
}

static int watch_one(const char *path)
{
    static char buffer[64 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    int notify = inotify_init1(IN_CLOEXEC);
    uint32_t wanted = IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    if (notify < 0 || inotify_add_watch(notify, path, wanted) < 0) return fail(errno);
    printf("ready ");
    putchar(0);
    for (;;) {
        if (fflush(stdout) != 0) return 1;
        ssize_t got = read(notify, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail(errno);
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)at;
            at += sizeof *event + event->len;
            bool gone = event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED);
            const char *kind = gone                                         ? "gone"
                               : event->mask & IN_Q_OVERFLOW                ? "overflow"
                               : event->mask & (IN_DELETE | IN_MOVED_FROM)  ? "removed"
                               : event->mask & (IN_CREATE | IN_MOVED_TO)    ? "created"
                                                                            : "changed";
            const char *name = event->len > 0 ? event->name : "";
            if (name[0] == 0 && strcmp(kind, "changed") == 0) continue;
            printf("%s %s", kind, name);
            putchar(0);
            if (gone) return fflush(stdout) == 0 ? 0 : 1;
        }
    }
}

int applet_files(int count, char **words)
{
    const char *what = count > 2 ? words[1] : "";
    const char *path = count > 2 ? words[2] : "";
    umask(022);
    if (count == 3 && strcmp(what, "stat") == 0) return stat_one(path);
    if (count == 4 && strcmp(what, "list") == 0) return list_one(path, strtol(words[3], NULL, 10));
    if (count == 5 && strcmp(what, "read") == 0) return read_one(path, strtoll(words[3], NULL, 10), strtoll(words[4], NULL, 10));
    if (count == 5 && strcmp(what, "write") == 0) return write_one(path, words[3], strtoll(words[4], NULL, 10));
    if (count == 3 && strcmp(what, "mkdir") == 0) return make_folder(path);
    if (count == 4 && strcmp(what, "remove") == 0) return remove_one(path, words[3]);
    if (count == 3 && strcmp(what, "watch") == 0) return watch_one(path);
    bool overwrite = count == 5 && strcmp(words[4], "overwrite") == 0;
    int number = count != 5                      ? -1
                 : strcmp(what, "rename") == 0   ? rename_one(path, words[3], overwrite)
                 : strcmp(what, "copy") == 0     ? copy_one(path, words[3], overwrite, true)
                                                 : -1;
    if (number < 0) return 2;
    return number == 0 ? 0 : fail(number);
}
