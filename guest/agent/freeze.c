/*
 * freeze SECONDS: writes out the file systems that are kept on disks and holds writes to them, says `frozen COUNT`, and
 * lets them go at the end of stdin or after so many seconds, whichever is first (`thawed`, `expired`). A child in a
 * session of its own does it: it also lets go when this program or the whole agent is killed.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* FIFREEZE and FITHAW of the kernel's include/uapi/linux/fs.h, whose headers are not there */
static const unsigned long freeze_request = _IOWR('X', 119, int), thaw_request = _IOWR('X', 120, int);

enum { MOUNT_LIMIT = 256 };
static int frozen[MOUNT_LIMIT];
static size_t frozen_count;

/* As /proc writes them: a space is \040. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at != 0;) {
        if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' && at[3] <= '7') {
            *to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
            at += 4;
        } else {
            *to++ = *at++;
        }
    }
    *to = 0;
}

/* What was mounted last first: a file system may lie in a file of another. Each is frozen once, by its device. */
static bool freeze_all(void)
{
    static char paths[MOUNT_LIMIT][512];
    size_t count = 0;
    FILE *table = fopen("/proc/self/mountinfo", "re");
    char line[2048], path[1024], options[512];
    unsigned major_number, minor_number;
    if (table == NULL) return false;
    while (count < MOUNT_LIMIT && fgets(line, sizeof line, table) != NULL) {
        if (sscanf(line, "%*d %*d %u:%u %*s %1023s %511s", &major_number, &minor_number, path, options) != 4) continue;
        /* Major 0 has no disk. */
        if (major_number == 0 || strncmp(options, "ro", 2) == 0 || strlen(path) >= sizeof paths[0]) continue;
        strcpy(paths[count++], path);
    }
    fclose(table);
    while (count > 0) {
        char *place = paths[--count];
        unescape(place);
        int fd = open(place, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        if (ioctl(fd, (int)freeze_request, 0) == 0) frozen[frozen_count++] = fd;
        else {
            /* EBUSY: frozen already, by another mount of it. EOPNOTSUPP: it cannot be. */
            bool harmless = errno == EBUSY || errno == EOPNOTSUPP || errno == ENOTTY;
            if (!harmless) complain("freeze:", place);
            close(fd);
            if (!harmless) return false;
        }
    }
    return true;
}

static void thaw_all(void)
{
    while (frozen_count > 0) ioctl(frozen[--frozen_count], (int)thaw_request, 0);
}

static int keep_frozen(int end, int seconds)
{
    struct pollfd wait = {.fd = end, .events = POLLIN};
    if (!freeze_all()) {
        thaw_all();
        return 1;
    }
    dprintf(1, "frozen %zu\n", frozen_count);
    int told = poll(&wait, 1, seconds * 1000);
    thaw_all();
    dprintf(1, told == 0 ? "expired\n" : "thawed\n");
    return 0;
}

int applet_freeze(int count, char **words)
{
    int seconds = count == 2 ? atoi(words[1]) : 0, end[2], status;
    char drop[64];
    if (seconds < 1 || seconds > 3600) return 2;
    if (pipe2(end, O_CLOEXEC) != 0) return complain("freeze:", "pipe");
    pid_t pid = fork();
    if (pid < 0) return complain("freeze:", "fork");
    if (pid == 0) {
        setsid();
        /* Its own pages must not be waited for from a disk that is frozen; nobody reads is no reason to end frozen. */
        mlockall(MCL_CURRENT | MCL_FUTURE);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        close(end[1]);
        close(0);
        _exit(keep_frozen(end[0], seconds));
    }
    close(end[0]);
    for (;;) {
        struct pollfd list[1] = {{.fd = 0, .events = POLLIN}};
        if (waitpid(pid, &status, WNOHANG) == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        if (poll(list, 1, 200) > 0 && read(0, drop, sizeof drop) <= 0) break;
    }
    close(end[1]);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
