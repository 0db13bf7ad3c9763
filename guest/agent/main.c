#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef BUILD
#define BUILD "development"
#endif

static const char port_name[] = "dev.vivarium.agent.0";
static int wake[2];

static void on_child(int signal_number)
{
    (void)signal_number;
    int number = errno;
    (void)!write(wake[1], "c", 1);
    errno = number;
}

/* Which commands go with this build; the host asks for nothing else. */
static const char abilities[] = "exec,tty,get,put,list,watch,ports,identity,identify,upgrade,sync,fetch,files,connect,piece,freeze,port-names";

static void on_host(void)
{
    process_hang_up();
    uint8_t payload[256];
    put32(payload, PROTOCOL_VERSION);
    int length = snprintf((char *)payload + 4, sizeof payload - 4, "%s\n%s\n", BUILD, abilities);
    port_send(FRAME_HELLO, 0, 0, payload, (uint32_t)(4 + length));
}

/* /dev/virtio-ports/NAME where udev made it, else the device whose name it is. */
static bool find_port(char *path, size_t size)
{
    snprintf(path, size, "/dev/virtio-ports/%s", port_name);
    if (access(path, F_OK) == 0) return true;
    DIR *folder = opendir("/sys/class/virtio-ports");
    if (folder == NULL) return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
        char file[300], name[64] = "";
        snprintf(file, sizeof file, "/sys/class/virtio-ports/%s/name", entry->d_name);
        int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ssize_t got = read(fd, name, sizeof name - 1);
        close(fd);
        name[got > 0 ? got : 0] = 0;
        name[strcspn(name, "\n")] = 0;
        if (strcmp(name, port_name) == 0) {
            snprintf(path, size, "/dev/%s", entry->d_name);
            found = true;
        }
    }
    closedir(folder);
    return found;
}

/* The new program goes on with the open port: it can be opened only once. */
static void become_upgrade(void)
{
    char number[16];
    port_flush();
    /* The new program would not know them. */
    process_hang_up();
    snprintf(number, sizeof number, "%d", port_fd());
    fcntl(port_fd(), F_SETFD, 0);
    execl(process_upgrade, "viv-agent", "--port-fd", number, (char *)NULL);
    fcntl(port_fd(), F_SETFD, FD_CLOEXEC);
    process_upgrade[0] = 0;
}

static void run(void)
{
    static struct pollfd list[2 + 3 * STREAM_LIMIT];
    for (;;) {
        list[0] = (struct pollfd){.fd = port_fd(), .events = port_events()};
        list[1] = (struct pollfd){.fd = wake[0], .events = POLLIN};
        size_t count = 2 + process_poll(list + 2);
        if (poll(list, count, -1) < 0 && errno != EINTR) return;
        if (list[1].revents) {
            char drop[64];
            while (read(wake[0], drop, sizeof drop) > 0) continue;
        }
        process_work(list + 2, count - 2);
        process_child_ended();
        if (list[0].revents || port_events() & POLLOUT) port_work(list[0].revents | POLLOUT, process_frame, on_host);
        if (process_upgrade[0] != 0) become_upgrade();
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: viv-agent [--port PATH] | --version | --applet NAME ARG...\n");
    return 2;
}

int main(int count, char **words)
{
    const char *path = NULL;
    int inherited = -1;
    if (count == 2 && strcmp(words[1], "--version") == 0) {
        printf("%s protocol %d\n", BUILD, PROTOCOL_VERSION);
        return 0;
    }
    if (count >= 3 && strcmp(words[1], "--applet") == 0) return applet_run(count - 2, words + 2);
    if (count == 3 && strcmp(words[1], "--port") == 0) path = words[2];
    else if (count == 3 && strcmp(words[1], "--port-fd") == 0) inherited = atoi(words[2]);
    else if (count != 1) return usage();

    char found[300];
    if (path == NULL && inherited < 0) {
        if (!find_port(found, sizeof found)) {
            fprintf(stderr, "viv-agent: there is no port %s\n", port_name);
            return 1;
        }
        path = found;
    }
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) return complain("viv-agent:", "pipe");
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    port_open(path, inherited);
    run();
    return complain("viv-agent:", "poll");
}
