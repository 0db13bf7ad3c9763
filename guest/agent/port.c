/*
 * The port: one virtio-serial device, bytes in and out. A host may go away in the middle of a frame and another may
 * come (vivd was killed); so a connection begins with a mark and a nonce, and whatever came before it is dropped.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char host_mark[] = "VIVARIUM-AGENT\r\n";
static const char guest_mark[] = "VIVARIUM-GUEST\r\n";
enum { MARK_BYTES = 16, NONCE_BYTES = 16 };

static int fd = -1;
/* Searching for the host's mark, or reading frames. */
static bool in_step;
static uint8_t input[HEADER_BYTES + FRAME_LIMIT];
static size_t input_bytes;
static uint8_t output[OUTPUT_LIMIT + 2 * (HEADER_BYTES + FRAME_LIMIT)];
static size_t output_start, output_bytes;
static bool host_gone = true;

void port_open(const char *path, int inherited)
{
    fd = inherited >= 0 ? inherited : open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        complain("viv-agent:", path);
        exit(1);
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int port_fd(void)
{
    return fd;
}

short port_events(void)
{
    return (short)(POLLIN | (output_bytes > 0 ? POLLOUT : 0));
}

bool port_has_room(void)
{
    return output_bytes < OUTPUT_LIMIT;
}

static uint16_t check_of(uint32_t length, uint8_t type, uint8_t channel, uint32_t stream)
{
    return (uint16_t)(0x5657 ^ length ^ length >> 16 ^ (uint32_t)type << 8 ^ channel ^ stream ^ stream >> 16);
}

static void queue(const void *data, size_t bytes)
{
    if (output_start + output_bytes + bytes > sizeof output) {
        memmove(output, output + output_start, output_bytes);
        output_start = 0;
    }
    /* Callers ask port_has_room first; replies are small. What would not fit even so is dropped with the host. */
    if (output_bytes + bytes > sizeof output) {
        in_step = false;
        output_bytes = 0;
        return;
    }
    memcpy(output + output_start + output_bytes, data, bytes);
    output_bytes += bytes;
}

void port_send(uint8_t type, uint8_t channel, uint32_t stream, const void *payload, uint32_t length)
{
    uint8_t header[HEADER_BYTES];
    uint16_t check = check_of(length, type, channel, stream);
    if (!in_step) return;
    put32(header, length);
    header[4] = type;
    header[5] = channel;
    header[6] = (uint8_t)check;
    header[7] = (uint8_t)(check >> 8);
    put32(header + 8, stream);
    queue(header, sizeof header);
    queue(payload, length);
}

static void flush_some(void)
{
    while (output_bytes > 0) {
        size_t some = output_bytes < 32 * 1024 ? output_bytes : 32 * 1024;
        ssize_t put = write(fd, output + output_start, some);
        if (put <= 0) return;
        output_start += (size_t)put;
        output_bytes -= (size_t)put;
    }
    output_start = 0;
}

void port_flush(void)
{
    for (int tries = 0; tries < 100 && output_bytes > 0; tries += 1) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        poll(&wait, 1, 10);
        flush_some();
    }
}

static void drop_input(size_t bytes)
{
    memmove(input, input + bytes, input_bytes - bytes);
    input_bytes -= bytes;
}

/* Looks for a whole mark and nonce; true when one was found and answered. */
static bool synchronise(void)
{
    for (size_t at = 0; at + MARK_BYTES <= input_bytes; at += 1) {
        if (memcmp(input + at, host_mark, MARK_BYTES) != 0) continue;
        if (at + MARK_BYTES + NONCE_BYTES > input_bytes) {
            drop_input(at);
            return false;
        }
        uint8_t answer[MARK_BYTES + NONCE_BYTES];
        memcpy(answer, guest_mark, MARK_BYTES);
        memcpy(answer + MARK_BYTES, input + at + MARK_BYTES, NONCE_BYTES);
        drop_input(at + MARK_BYTES + NONCE_BYTES);
        output_start = output_bytes = 0;
        in_step = true;
        queue(answer, sizeof answer);
        return true;
    }
    if (input_bytes >= MARK_BYTES) drop_input(input_bytes - (MARK_BYTES - 1));
    return false;
}

/* One frame; false when there is none whole. */
static bool take_frame(void (*on_frame)(const struct frame *))
{
    if (input_bytes < HEADER_BYTES) return false;
    struct frame frame = {
        .length = get32(input),
        .type = input[4],
        .channel = input[5],
        .stream = get32(input + 8),
        .payload = input + HEADER_BYTES,
    };
    uint16_t check = (uint16_t)(input[6] | input[7] << 8);
    if (check != check_of(frame.length, frame.type, frame.channel, frame.stream) || frame.length > FRAME_LIMIT) {
        in_step = false;
        return false;
    }
    if (input_bytes < HEADER_BYTES + frame.length) return false;
    on_frame(&frame);
    drop_input(HEADER_BYTES + frame.length);
    return true;
}

static void take_input(void (*on_frame)(const struct frame *), void (*on_host)(void))
{
    for (;;) {
        if (in_step && take_frame(on_frame)) continue;
        if (in_step) return;
        if (!synchronise()) return;
        on_host();
    }
}

void port_work(short events, void (*on_frame)(const struct frame *), void (*on_host)(void))
{
    if (events & POLLOUT) flush_some();
    for (int rounds = 0; rounds < 8; rounds += 1) {
        ssize_t got = read(fd, input + input_bytes, sizeof input - input_bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got > 0) {
            host_gone = false;
            input_bytes += (size_t)got;
            take_input(on_frame, on_host);
            continue;
        }
        /* 0 is a host that is not there: what it had begun to say is void. */
        if (got == 0 && !host_gone) {
            host_gone = true;
            in_step = false;
            input_bytes = 0;
            output_start = output_bytes = 0;
        }
        if (got == 0 || (events & POLLHUP)) {
            /* poll would return at once for as long as nobody is there. */
            struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
            nanosleep(&pause, NULL);
        }
        return;
    }
}
