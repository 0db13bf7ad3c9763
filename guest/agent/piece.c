/*
 * piece: one large file in pieces, so that an interrupted copy can go on.
 *
 *   piece hash PATH BYTES                  `sha256 HEX` of the first so many bytes on stdout; exit code 3 when there are fewer
 *   piece write PATH OFFSET                stdin from there on, PATH is cut there first and made when missing (0600)
 *   piece read PATH OFFSET                 PATH from there on, to stdout
 *   piece settle PART PATH MODE MTIME-NS   PART becomes PATH, with that mode (octal) and time, and is on the disk
 *
 * write and read end with `sha256 HEX` of what passed on stderr. PART is never a link; what PATH leads to is read.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t buffer[64 * 1024];

/* Passes on what comes until the end, or `left` bytes; counted in `hash`. False with errno. */
static bool pass(int from, int to, uint64_t left, struct sha256 *hash)
{
    while (left > 0) {
        ssize_t got = read(from, buffer, left < sizeof buffer ? (size_t)left : sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (got == 0) return true;
        sha256_add(hash, buffer, (size_t)got);
        if (to >= 0 && !write_whole(to, buffer, (size_t)got)) return false;
        left -= (uint64_t)got;
    }
    return true;
}

static void tell(FILE *where, struct sha256 *hash)
{
    char hex[65];
    sha256_end(hash, hex);
    fprintf(where, "sha256 %s\n", hex);
}

static int hash_start(const char *path, uint64_t bytes)
{
    struct sha256 hash;
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &facts) != 0) return complain("piece:", path);
    if (!S_ISREG(facts.st_mode) || (uint64_t)facts.st_size < bytes) return 3;
    sha256_start(&hash);
    if (!pass(fd, -1, bytes, &hash)) return complain("piece:", path);
    tell(stdout, &hash);
    return 0;
}

static int write_rest(const char *path, uint64_t offset)
{
    struct sha256 hash;
    struct stat facts;
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &facts) != 0) return complain("piece:", path);
    if (!S_ISREG(facts.st_mode) || (uint64_t)facts.st_size < offset) return 3;
    if (ftruncate(fd, (off_t)offset) != 0 || lseek(fd, (off_t)offset, SEEK_SET) < 0) return complain("piece:", path);
    sha256_start(&hash);
    if (!pass(0, fd, UINT64_MAX, &hash) || close(fd) != 0) return complain("piece:", path);
    tell(stderr, &hash);
    return 0;
}

static int read_rest(const char *path, uint64_t offset)
{
    struct sha256 hash;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || lseek(fd, (off_t)offset, SEEK_SET) < 0) return complain("piece:", path);
    sha256_start(&hash);
    if (!pass(fd, 1, UINT64_MAX, &hash)) return complain("piece:", path);
    tell(stderr, &hash);
    return 0;
}

static int settle(const char *part, const char *path, mode_t mode, long long nanoseconds)
{
    long long seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
    if (rest < 0) seconds -= 1, rest += 1000000000;
    struct timespec time = {.tv_sec = seconds, .tv_nsec = rest}, times[2] = {time, time};
    int fd = open(part, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchmod(fd, mode & 07777) != 0 || futimens(fd, times) != 0 || fsync(fd) != 0) return complain("piece:", part);
    close(fd);
    return rename(part, path) == 0 ? 0 : complain("piece:", path);
}

int applet_piece(int count, char **words)
{
    if (count == 4 && strcmp(words[1], "hash") == 0) return hash_start(words[2], strtoull(words[3], NULL, 10));
    if (count == 4 && strcmp(words[1], "write") == 0) return write_rest(words[2], strtoull(words[3], NULL, 10));
    if (count == 4 && strcmp(words[1], "read") == 0) return read_rest(words[2], strtoull(words[3], NULL, 10));
    if (count == 6 && strcmp(words[1], "settle") == 0)
        return settle(words[2], words[3], (mode_t)strtoul(words[4], NULL, 8), strtoll(words[5], NULL, 10));
    return 2;
}
