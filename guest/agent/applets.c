/* What a child of the agent does on behalf of the host, and the small ones among it. */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int count, char **words);
} applets[] = {
    {"get", applet_get},     {"put", applet_put},           {"list", applet_list},       {"watch", applet_watch},
    {"ports", applet_ports}, {"identity", applet_identity}, {"upgrade", applet_upgrade},
    {"files", applet_files}, {"connect", applet_connect}, {"sync", applet_sync},
    {"fetch", applet_fetch}, {"piece", applet_piece},
    {"freeze", applet_freeze},
};

int applet_run(int count, char **words)
{
    /* What was inherited from the agent's loop would be taken for a host's that left. */
    signal(SIGPIPE, SIG_DFL);
    for (size_t index = 0; index < sizeof applets / sizeof *applets; index += 1)
        if (strcmp(words[0], applets[index].name) == 0) return applets[index].run(count, words);
    fprintf(stderr, "%s: no such applet\n", words[0]);
    return 2;
}

/* upgrade SHA256: the new program on stdin. The agent becomes it when this ends well. */
int applet_upgrade(int count, char **words)
{
    static uint8_t buffer[64 * 1024];
    struct sha256 hash;
    char hex[65];
    if (count != 2) return 2;
    int fd = open(UPGRADE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0700);
    if (fd < 0) return complain("upgrade:", UPGRADE_FILE);
    sha256_start(&hash);
    for (ssize_t got; (got = read(0, buffer, sizeof buffer)) != 0;) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 || !write_whole(fd, buffer, (size_t)got)) return complain("upgrade:", UPGRADE_FILE);
        sha256_add(&hash, buffer, (size_t)got);
    }
    sha256_end(&hash, hex);
    fchmod(fd, 0700);
    close(fd);
    if (strcmp(hex, words[1]) != 0) {
        fprintf(stderr, "upgrade: what came has SHA-256 %s\n", hex);
        unlink(UPGRADE_FILE);
        return 1;
    }
    /* A program of another machine's kind would end the agent for good. */
    pid_t pid = fork();
    if (pid == 0) {
        execl(UPGRADE_FILE, "viv-agent", "--version", (char *)NULL);
        _exit(127);
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "upgrade: the new program does not run here\n");
        unlink(UPGRADE_FILE);
        return 1;
    }
    return 0;
}

/*
 * In place: ext4 allocates and writes a file at once that was emptied and is closed again (auto_da_alloc), which costs a
 * fork under emulation 90 ms.
 */
static bool write_text(const char *file, const char *text, mode_t mode)
{
    size_t length = strlen(text);
    struct stat before;
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    if (fd < 0) return false;
    bool written = write_whole(fd, text, length);
    if (written && fstat(fd, &before) == 0 && (size_t)before.st_size != length) written = ftruncate(fd, (off_t)length) == 0;
    return close(fd) == 0 && written;
}

static bool set_clock(const char *text)
{
    char *end;
    long long nanoseconds = strtoll(text, &end, 10);
    struct timespec now = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    if (*end != 0 || nanoseconds <= 0) {
        errno = EINVAL;
        return false;
    }
    return clock_settime(CLOCK_REALTIME, &now) == 0;
}

static bool set_host_name(const char *text)
{
    char line[300];
    if (sethostname(text, strlen(text)) != 0) return false;
    snprintf(line, sizeof line, "%s\n", text);
    return write_text("/etc/hostname", line, 0644);
}

static bool set_machine_id(const char *text)
{
    char line[40];
    if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32) {
        errno = EINVAL;
        return false;
    }
    snprintf(line, sizeof line, "%s\n", text);
    return write_text("/etc/machine-id", line, 0444);
}

/* The kernel's generator, seeded and made to use it at once: two forks must not draw the same numbers. */
static bool add_entropy(const char *hex)
{
    struct {
        int bits, bytes;
        uint8_t data[64];
    } pool = {0};
    size_t length = strlen(hex) / 2;
    if (length > sizeof pool.data) length = sizeof pool.data;
    for (size_t index = 0; index < length; index += 1) {
        char pair[3] = {hex[2 * index], hex[2 * index + 1], 0};
        pool.data[index] = (uint8_t)strtoul(pair, NULL, 16);
    }
    pool.bytes = (int)length;
    pool.bits = pool.bytes * 8;
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0) return false;
    /* RNDADDENTROPY and RNDRESEEDCRNG (random(4)); the latter since Linux 4.14. */
    bool done = ioctl(fd, _IOW('R', 0x03, int[2]), &pool) == 0;
    ioctl(fd, _IO('R', 0x07));
    close(fd);
    return done;
}

static int identity_line(char *line)
{
    static const struct {
        const char *key;
        bool (*set)(const char *);
    } keys[] = {{"time", set_clock}, {"entropy", add_entropy}, {"hostname", set_host_name}, {"machine-id", set_machine_id}};
    char *value = strchr(line, ' ');
    if (value == NULL) return 0;
    *value++ = 0;
    for (size_t index = 0; index < sizeof keys / sizeof *keys; index += 1)
        if (strcmp(line, keys[index].key) == 0) return keys[index].set(value) ? 0 : complain("identity:", line);
    errno = EINVAL;
    return complain("identity:", line);
}

int identity_take(char *text)
{
    int failures = 0;
    for (char *rest, *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) failures += identity_line(line);
    return failures;
}

/* identity: lines `key value` on stdin: time (ns since 1970), entropy (hex), hostname, machine-id. All are tried. */
int applet_identity(int count, char **words)
{
    char line[512];
    int failures = 0;
    (void)count;
    (void)words;
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        failures += identity_line(line);
    }
    return failures > 0;
}
