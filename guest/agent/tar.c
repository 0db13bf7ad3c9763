/*
 * get and put: a tree as a pax archive (POSIX.1-2017 pax, “ustar” headers with extended records where they do not
 * suffice). Both end with a line `sha256 HEX` of the whole stream on stderr, so that the two sides can be compared.
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
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 512, NAME_FIELD = 100, PAX_LIMIT = 64 * 1024 };

static struct sha256 stream_hash;
static int failures;

void tar_start(void)
{
    sha256_start(&stream_hash);
}

void tar_end_line(void)
{
    char hex[65];
    sha256_end(&stream_hash, hex);
    fprintf(stderr, "sha256 %s\n", hex);
}

/* ---- get ---- */

/* Headers are small and many: they leave together with what follows. */
static uint8_t written[64 * 1024];
static size_t written_bytes;

static bool flush(void)
{
    bool fine = write_whole(1, written, written_bytes);
    sha256_add(&stream_hash, written, written_bytes);
    written_bytes = 0;
    return fine;
}

static bool emit(const void *data, size_t bytes)
{
    const uint8_t *at = data;
    while (bytes > 0) {
        size_t room = sizeof written - written_bytes, some = bytes < room ? bytes : room;
        memcpy(written + written_bytes, at, some);
        written_bytes += some;
        at += some;
        bytes -= some;
        if (written_bytes == sizeof written && !flush()) return false;
    }
    return true;
}

static bool pad(uint64_t bytes)
{
    static const uint8_t zeros[BLOCK];
    size_t rest = (size_t)(bytes % BLOCK);
    return rest == 0 || emit(zeros, BLOCK - rest);
}

static bool emit_header(const char *name, char type, mode_t mode, uint64_t size, int64_t mtime, const char *link)
{
    char block[BLOCK] = {0};
    unsigned sum = 0;
    strncpy(block, name, NAME_FIELD);
    snprintf(block + 100, 8, "%07o", (unsigned)(mode & 07777));
    snprintf(block + 108, 8, "%07o", 0);
    snprintf(block + 116, 8, "%07o", 0);
    snprintf(block + 124, 12, "%011llo", (unsigned long long)(size >> 33 ? 0 : size));
    /* Eleven octal digits; what lies before 1970 or after 2242 is in the pax record. */
    snprintf(block + 136, 12, "%011llo", (unsigned long long)mtime & 077777777777ull);
    memset(block + 148, ' ', 8);
    block[156] = type;
    strncpy(block + 157, link, NAME_FIELD);
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t index = 0; index < BLOCK; index += 1) sum += (unsigned char)block[index];
    snprintf(block + 148, 8, "%06o", sum);
    return emit(block, BLOCK);
}

/* `LENGTH key=value\n`, where LENGTH counts itself. */
static size_t pax_record(char *at, size_t room, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3, length = rest + 1;
    char digits[24];
    while (length != rest + (size_t)snprintf(digits, sizeof digits, "%zu", length)) length = rest + strlen(digits);
    if (length >= room) return 0;
    snprintf(at, room, "%zu %s=%s\n", length, key, value);
    return length;
}

static bool emit_entry(const char *name, char type, const struct stat *facts, uint64_t size, const char *link)
{
    static char records[PAX_LIMIT];
    char number[48];
    size_t used = 0;
    if (strlen(name) > NAME_FIELD) used += pax_record(records + used, sizeof records - used, "path", name);
    if (strlen(link) > NAME_FIELD) used += pax_record(records + used, sizeof records - used, "linkpath", link);
    if (size >> 33) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)size);
        used += pax_record(records + used, sizeof records - used, "size", number);
    }
    snprintf(number, sizeof number, "%lld.%09ld", (long long)facts->st_mtim.tv_sec, (long)facts->st_mtim.tv_nsec);
    used += pax_record(records + used, sizeof records - used, "mtime", number);
    return emit_header("pax", 'x', 0600, used, 0, "") && emit(records, used) && pad(used) &&
           emit_header(name, type, facts->st_mode, size, facts->st_mtim.tv_sec, link);
}

/* A file that shrinks meanwhile is filled with zeros and said; one that grows is cut at the size it had. */
static bool emit_content(int fd, uint64_t size, const char *name)
{
    static uint8_t buffer[64 * 1024];
    for (uint64_t left = size; left > 0;) {
        size_t some = left < sizeof buffer ? (size_t)left : sizeof buffer;
        ssize_t got = read(fd, buffer, some);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            if (got < 0) complain("get:", name);
            else fprintf(stderr, "get: %s became shorter while it was read\n", name);
            failures += 1;
            memset(buffer, 0, some);
            got = (ssize_t)some;
        }
        if (!emit(buffer, (size_t)got)) return false;
        left -= (uint64_t)got;
    }
    return pad(size);
}

bool tar_get(int folder, const char *file, const char *name);

static bool get_folder(int folder, const char *file, const char *name, const struct stat *facts)
{
    if (!emit_entry(name, '5', facts, 0, "")) return false;
    int fd = openat(folder, file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        failures += complain("get:", name);
        if (fd >= 0) close(fd);
        return true;
    }
    bool fine = true;
    for (struct dirent *below; fine && (below = readdir(list)) != NULL;) {
        if (strcmp(below->d_name, ".") == 0 || strcmp(below->d_name, "..") == 0) continue;
        size_t size = strlen(name) + strlen(below->d_name) + 2;
        char *full = malloc(size);
        if (full == NULL) exit(complain("get:", name));
        snprintf(full, size, "%s/%s", name, below->d_name);
        fine = tar_get(fd, below->d_name, full);
        free(full);
    }
    closedir(list);
    return fine;
}

bool tar_get(int folder, const char *file, const char *name)
{
    struct stat facts;
    if (fstatat(folder, file, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        failures += complain("get:", name);
        return true;
    }
    if (S_ISDIR(facts.st_mode)) return get_folder(folder, file, name, &facts);
    if (S_ISLNK(facts.st_mode)) {
        char target[PATH_MAX + 1];
        ssize_t length = readlinkat(folder, file, target, PATH_MAX);
        if (length < 0) {
            failures += complain("get:", name);
            return true;
        }
        target[length] = 0;
        return emit_entry(name, '2', &facts, 0, target);
    }
    if (!S_ISREG(facts.st_mode)) {
        fprintf(stderr, "get: %s is a device, socket or pipe: left out\n", name);
        return true;
    }
    int fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &facts) != 0) {
        failures += complain("get:", name);
        if (fd >= 0) close(fd);
        return true;
    }
    uint64_t size = (uint64_t)facts.st_size;
    bool fine = emit_entry(name, '0', &facts, size, "") && emit_content(fd, size, name);
    close(fd);
    return fine;
}

int tar_get_end(void)
{
    static const uint8_t end[2 * BLOCK];
    if (!emit(end, sizeof end) || !flush()) return complain("get:", "the end");
    tar_end_line();
    return failures;
}

/* get PATH NAME: PATH and all below it, as NAME. Links are kept, never followed, but for PATH itself with a slash. */
int applet_get(int count, char **words)
{
    struct stat facts;
    if (count != 3) return 2;
    if (stat(words[1], &facts) != 0) return complain("get:", words[1]);
    tar_start();
    if (!tar_get(AT_FDCWD, words[1], words[2])) return complain("get:", words[1]);
    return tar_get_end() > 0;
}

/* ---- put ---- */

static uint8_t ahead[64 * 1024];
static size_t ahead_start, ahead_bytes;

/* More of stdin; false at its end. */
static bool fill(void)
{
    ssize_t got;
    do got = read(0, ahead, sizeof ahead);
    while (got < 0 && errno == EINTR);
    ahead_start = 0;
    ahead_bytes = got > 0 ? (size_t)got : 0;
    if (ahead_bytes > 0) sha256_add(&stream_hash, ahead, ahead_bytes);
    return ahead_bytes > 0;
}

void tar_take(void *data, size_t bytes)
{
    uint8_t *at = data;
    while (bytes > 0) {
        if (ahead_bytes == 0 && !fill()) {
            fprintf(stderr, "put: the archive ends too early\n");
            exit(1);
        }
        size_t some = bytes < ahead_bytes ? bytes : ahead_bytes;
        memcpy(at, ahead + ahead_start, some);
        ahead_start += some;
        ahead_bytes -= some;
        at += some;
        bytes -= some;
    }
}

static uint64_t number(const char *field, size_t length)
{
    uint64_t value = 0;
    if (field[0] & 0x80) {
        for (size_t index = 1; index < length; index += 1) value = value << 8 | (uint8_t)field[index];
        return value;
    }
    for (size_t index = 0; index < length && field[index] != 0; index += 1)
        if (field[index] >= '0' && field[index] <= '7') value = value << 3 | (uint64_t)(field[index] - '0');
    return value;
}

struct entry {
    char type;
    mode_t mode;
    uint64_t size;
    struct timespec mtime;
    char name[PATH_MAX], link[PATH_MAX];
    bool pax_name, pax_link, pax_size, pax_time;
};

static void bad(const char *why, const char *name)
{
    fprintf(stderr, "put: %s%s%s\n", why, name[0] ? ": " : "", name);
    exit(1);
}

static void keep(char *target, const char *value, size_t length)
{
    if (length >= PATH_MAX) bad("a name is too long", "");
    memcpy(target, value, length);
    target[length] = 0;
    if (strlen(target) != length) bad("a name holds a zero byte", "");
}

static void read_pax(struct entry *entry, uint64_t size)
{
    static char records[PAX_LIMIT + 1];
    if (size > PAX_LIMIT) bad("a header is too large", "");
    tar_take(records, (size_t)size);
    records[size] = 0;
    for (char *at = records, *end = records + size; at < end;) {
        char *after;
        unsigned long length = strtoul(at, &after, 10);
        /* strtoul also takes blanks and signs: a line that begins with an empty one would end before its key. */
        bool digits = *at >= '0' && *at <= '9';
        if (!digits || length == 0 || length > (unsigned long)(end - at) || *after != ' ' || at[length - 1] != '\n') bad("a header is broken", "");
        char *key = after + 1, *last = at + length - 1, *value = memchr(key, '=', (size_t)(last - key));
        if (value == NULL) bad("a header is broken", "");
        *value++ = 0;
        *last = 0;
        if (strcmp(key, "path") == 0) {
            keep(entry->name, value, (size_t)(last - value));
            entry->pax_name = true;
        } else if (strcmp(key, "linkpath") == 0) {
            keep(entry->link, value, (size_t)(last - value));
            entry->pax_link = true;
        } else if (strcmp(key, "size") == 0) {
            entry->size = strtoull(value, NULL, 10);
            entry->pax_size = true;
        } else if (strcmp(key, "mtime") == 0) {
            char *dot;
            entry->mtime.tv_sec = strtoll(value, &dot, 10);
            long fraction = 0, scale = 100000000;
            if (*dot == '.')
                for (dot += 1; *dot >= '0' && *dot <= '9' && scale > 0; dot += 1, scale /= 10) fraction += (*dot - '0') * scale;
            entry->mtime.tv_nsec = fraction;
            entry->pax_time = true;
        }
        at += length;
    }
}

static void skip(uint64_t bytes)
{
    static uint8_t buffer[64 * 1024];
    while (bytes > 0) {
        size_t some = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        tar_take(buffer, some);
        bytes -= some;
    }
}

static uint64_t padding(uint64_t size)
{
    return (BLOCK - size % BLOCK) % BLOCK;
}

/* The next file, folder or link with all that headers say of it; false at the end of the archive. */
static bool next_entry(struct entry *entry)
{
    static const char zeros[BLOCK];
    char block[BLOCK + 1] = {0};
    memset(entry, 0, sizeof *entry);
    for (;;) {
        tar_take(block, BLOCK);
        if (memcmp(block, zeros, BLOCK) == 0) return false;
        unsigned sum = 0, said = (unsigned)number(block + 148, 8);
        for (size_t index = 0; index < BLOCK; index += 1) sum += index >= 148 && index < 156 ? ' ' : (unsigned char)block[index];
        if (sum != said) bad("a header's sum is wrong", "");
        uint64_t size = number(block + 124, 12);
        entry->type = block[156];
        switch (entry->type) {
        case 'x':
            read_pax(entry, size);
            skip(padding(size));
            continue;
        case 'g':
            skip(size);
            skip(padding(size));
            continue;
        case 'L':
        case 'K': {
            char long_name[PATH_MAX];
            if (size >= PATH_MAX) bad("a name is too long", "");
            tar_take(long_name, (size_t)size);
            long_name[size] = 0;
            skip(padding(size));
            keep(entry->type == 'L' ? entry->name : entry->link, long_name, strlen(long_name));
            if (entry->type == 'L') entry->pax_name = true;
            else entry->pax_link = true;
            continue;
        }
        default:
            break;
        }
        if (!entry->pax_size) entry->size = size;
        if (!entry->pax_time) entry->mtime.tv_sec = (time_t)number(block + 136, 12);
        entry->mode = (mode_t)(number(block + 100, 8) & 07777);
        if (!entry->pax_name) {
            char prefix[156] = {0}, name[NAME_FIELD + 1] = {0};
            memcpy(name, block, NAME_FIELD);
            if (memcmp(block + 257, "ustar", 5) == 0) memcpy(prefix, block + 345, 155);
            snprintf(entry->name, sizeof entry->name, "%s%s%s", prefix, prefix[0] ? "/" : "", name);
        }
        if (!entry->pax_link) memcpy(entry->link, block + 157, NAME_FIELD);
        if (entry->type != '0' && entry->type != 0 && entry->type != '7') entry->size = 0;
        return true;
    }
}

/*
 * Opens the folder that a name lies in, step by step from the root and never through a link. `make`: what is
 * missing is made, and failing ends the applet; else -1. `last` (NAME_MAX + 1 bytes) gets the last part; empty for the
 * root itself.
 */
int tar_open_parent(int root, const char *path, char *last, bool make)
{
    if (path[0] == '/') bad("a name is absolute", path);
    int folder = dup(root);
    last[0] = 0;
    while (*path != 0) {
        size_t length = strcspn(path, "/");
        const char *rest = path + length + strspn(path + length, "/");
        if (length > NAME_MAX) bad("a name is too long", path);
        if (length == 2 && memcmp(path, "..", 2) == 0) bad("a name leads out of the folder", path);
        if (length == 0 || (length == 1 && path[0] == '.')) {
            path = rest;
            continue;
        }
        memcpy(last, path, length);
        last[length] = 0;
        path = rest;
        if (*path == 0) break;
        int next = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && make && errno == ENOENT && mkdirat(folder, last, 0777) == 0)
            next = openat(folder, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && make) {
            complain("put:", path);
            exit(1);
        }
        close(folder);
        if (next < 0) return -1;
        folder = next;
        last[0] = 0;
    }
    return folder;
}

static void put_file(int folder, const char *last, const struct entry *entry)
{
    static uint8_t buffer[64 * 1024];
    char temporary[40];
    snprintf(temporary, sizeof temporary, ".viv-agent-%d.tmp", (int)getpid());
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, temporary, flags, 0600);
    /* One that a former copy left, whose process had our number. */
    if (fd < 0 && errno == EEXIST && unlinkat(folder, temporary, 0) == 0) fd = openat(folder, temporary, flags, 0600);
    bool fine = fd >= 0;
    for (uint64_t left = entry->size; left > 0;) {
        size_t some = left < sizeof buffer ? (size_t)left : sizeof buffer;
        tar_take(buffer, some);
        if (fine) fine = write_whole(fd, buffer, some);
        left -= some;
    }
    skip(padding(entry->size));
    struct timespec times[2] = {entry->mtime, entry->mtime};
    if (fine) fine = fchmod(fd, entry->mode) == 0 && futimens(fd, times) == 0;
    int number_of = errno;
    if (fd >= 0) close(fd);
    errno = number_of;
    if (fine && renameat(folder, temporary, folder, last) == 0) return;
    failures += complain("put:", entry->name);
    unlinkat(folder, temporary, 0);
    /* A full disk only gets fuller: the rest would fail one by one. */
    if (number_of == ENOSPC || number_of == EDQUOT) exit(1);
}

/* Folders get their mode and time at the end: until then they are written to. */
struct made_folder {
    char *name;
    mode_t mode;
    struct timespec mtime;
};
static struct made_folder *made;
static size_t made_count, made_room;

static void put_folder(int folder, const char *last, const struct entry *entry)
{
    if (last[0] == 0) return;
    if (mkdirat(folder, last, 0700) != 0 && errno != EEXIST) {
        failures += complain("put:", entry->name);
        return;
    }
    if (made_count == made_room) {
        made_room = made_room * 2 + 64;
        made = realloc(made, made_room * sizeof *made);
        if (made == NULL) exit(complain("put:", entry->name));
    }
    made[made_count++] = (struct made_folder){.name = strdup(entry->name), .mode = entry->mode, .mtime = entry->mtime};
}

static void finish_folders(int root)
{
    while (made_count > 0) {
        struct made_folder *folder = &made[--made_count];
        struct timespec times[2] = {folder->mtime, folder->mtime};
        char last[NAME_MAX + 1];
        if (folder->name == NULL) continue;
        int parent = tar_open_parent(root, folder->name, last, true);
        int fd = openat(parent, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, folder->mode) != 0 || futimens(fd, times) != 0) failures += complain("put:", folder->name);
        if (fd >= 0) close(fd);
        close(parent);
        free(folder->name);
    }
}

static void put_symbolic_link(int folder, const char *last, const struct entry *entry)
{
    struct timespec times[2] = {entry->mtime, entry->mtime};
    unlinkat(folder, last, 0);
    if (symlinkat(entry->link, folder, last) != 0) failures += complain("put:", entry->name);
    else utimensat(folder, last, times, AT_SYMLINK_NOFOLLOW);
}

static void put_hard_link(int root, int folder, const char *last, const struct entry *entry)
{
    char other[NAME_MAX + 1];
    int from = tar_open_parent(root, entry->link, other, true);
    unlinkat(folder, last, 0);
    if (linkat(from, other, folder, last, 0) != 0) failures += complain("put:", entry->name);
    close(from);
}

/*
 * The folder of an entry, kept open for the next one: most lie in the same. It was not reached through a link, and what
 * is open stays what it is. `last` gets the entry's own name.
 */
static int entry_folder(int root, const char *name, char last[NAME_MAX + 1])
{
    static char kept[PATH_MAX];
    static int folder = -1;
    const char *slash = strrchr(name, '/'), *own = slash == NULL ? name : slash + 1;
    size_t length = slash == NULL ? 0 : (size_t)(slash - name);
    bool plain = length > 0 && *own != 0 && strcmp(own, ".") != 0 && strcmp(own, "..") != 0 && strlen(own) <= NAME_MAX;
    if (plain && folder >= 0 && strlen(kept) == length && memcmp(kept, name, length) == 0) {
        strcpy(last, own);
        return folder;
    }
    if (folder >= 0) close(folder);
    folder = tar_open_parent(root, name, last, true);
    memcpy(kept, name, length);
    kept[length] = 0;
    return folder;
}

/* The archive on stdin into an open folder; gives how many entries failed. */
int tar_put(int root)
{
    static struct entry entry;
    while (next_entry(&entry)) {
        char last[NAME_MAX + 1];
        int folder = entry_folder(root, entry.name, last);
        switch (entry.type) {
        case '0':
        case 0:
        case '7':
            if (last[0] == 0) bad("a file without a name", "");
            put_file(folder, last, &entry);
            break;
        case '5':
            put_folder(folder, last, &entry);
            break;
        case '2':
            if (last[0] == 0) bad("a link without a name", "");
            put_symbolic_link(folder, last, &entry);
            break;
        case '1':
            if (last[0] == 0) bad("a link without a name", "");
            put_hard_link(root, folder, last, &entry);
            break;
        default:
            fprintf(stderr, "put: %s is of a kind that is left out (%c)\n", entry.name, entry.type);
        }
    }
    finish_folders(root);
    /* The second block of zeros, and whatever a writer padded with. */
    while (fill()) continue;
    return failures;
}

/* put FOLDER: the archive on stdin, into FOLDER, which is made when it is missing. Owners are those of the user. */
int applet_put(int count, char **words)
{
    if (count != 2) return 2;
    if (mkdir(words[1], 0777) != 0 && errno != EEXIST) return complain("put:", words[1]);
    int root = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return complain("put:", words[1]);
    tar_start();
    int failed = tar_put(root);
    tar_end_line();
    return failed > 0;
}
