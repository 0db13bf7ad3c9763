/* connect PORT: stdin and stdout are a TCP connection to a port of the guest's own, for hosts that have no way there by a network. */
#include "agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(uint16_t port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&four, sizeof four) == 0) return fd;
    int number = errno;
    if (fd >= 0) close(fd);
    fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&six, sizeof six) == 0) return fd;
    if (fd >= 0) close(fd);
    errno = number;
    return -1;
}

/* Passes on what is there; false at the end. */
static bool pass(int from, int to)
{
    static uint8_t buffer[64 * 1024];
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) return true;
    return got > 0 && write_whole(to, buffer, (size_t)got);
}

int applet_connect(int count, char **words)
{
    long port = count == 2 ? strtol(words[1], NULL, 10) : 0;
    if (port < 1 || port > 65535) return 2;
    int fd = dial((uint16_t)port);
    if (fd < 0) return complain("connect:", words[1]);
    /* The other side's end is the end; our own leaves it time to answer. */
    struct pollfd both[] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        if (poll(both, 2, -1) < 0 && errno != EINTR) return complain("connect:", words[1]);
        if (both[0].revents != 0 && !pass(fd, STDOUT_FILENO)) return 0;
        if (both[1].revents != 0 && !pass(STDIN_FILENO, fd)) {
            shutdown(fd, SHUT_WR);
            both[1].fd = -1;
        }
    }
}
