/* viv-agent: Vivarium's helper inside a guest. What it says on the port: PROTOCOL.md. */
#ifndef VIV_AGENT_H
#define VIV_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROTOCOL_VERSION 1

/* Frames. Both directions share DATA and WINDOW. */
enum frame_type {
    FRAME_HELLO = 1,
    FRAME_STARTED = 2,
    FRAME_DATA = 3,
    FRAME_WINDOW = 4,
    FRAME_EXIT = 5,
    FRAME_ERROR = 6,
    FRAME_EXEC = 16,
    FRAME_SIGNAL = 17,
    FRAME_RESIZE = 18,
    FRAME_CLOSE = 19,
    FRAME_PING = 20,
    FRAME_PONG = 21,
    FRAME_IDENTIFY = 22,
};

enum channel { CHANNEL_STDIN = 0, CHANNEL_STDOUT = 1, CHANNEL_STDERR = 2 };

enum exec_flag { EXEC_TTY = 1, EXEC_APPLET = 2, EXEC_CLEAR_ENVIRONMENT = 4 };

enum {
    HEADER_BYTES = 12,
    FRAME_LIMIT = 64 * 1024,
    DATA_CHUNK = 32 * 1024 - HEADER_BYTES, /* the kernel moves 32 KiB of a port at once */
    STDIN_CREDIT = 128 * 1024,
    OUTPUT_LIMIT = 512 * 1024,
    STREAM_LIMIT = 64,
};

struct frame {
    uint32_t length;
    uint8_t type;
    uint8_t channel;
    uint32_t stream;
    const uint8_t *payload;
};

/* port.c: the port, framing, synchronisation. */
void port_open(const char *path, int inherited);
int port_fd(void);
short port_events(void);
/* Reads and writes what can be; calls back for each whole frame, and when a new host has said hello. */
void port_work(short events, void (*on_frame)(const struct frame *), void (*on_host)(void));
bool port_has_room(void);
void port_send(uint8_t type, uint8_t channel, uint32_t stream, const void *payload, uint32_t length);
/* Writes all that is queued, for up to a second. */
void port_flush(void);

/* process.c: commands on behalf of the host. */
void process_frame(const struct frame *frame);
void process_child_ended(void);
void process_hang_up(void);
struct pollfd;
size_t process_poll(struct pollfd *list);
void process_work(const struct pollfd *list, size_t count);
/* Set by the applet `upgrade`: the program to become. */
extern char process_upgrade[];

/* applets: run in a child of their own, with stdin, stdout and stderr as streams; the exit status is the answer. */
int applet_run(int count, char **words);
int applet_get(int count, char **words);
int applet_put(int count, char **words);
int applet_list(int count, char **words);
int applet_watch(int count, char **words);
int applet_ports(int count, char **words);
int applet_identity(int count, char **words);
/* `key value` lines, in the agent's own process: a fork waits for it. How many could not be set. */
int identity_take(char *text);
int applet_upgrade(int count, char **words);
int applet_files(int count, char **words);
int applet_connect(int count, char **words);
int applet_sync(int count, char **words);
int applet_fetch(int count, char **words);
int applet_piece(int count, char **words);
int applet_freeze(int count, char **words);

/* tar.c: archives on stdin and stdout, all that passes counted in one SHA-256. */
void tar_start(void);
/* Input is read ahead: nobody else reads what comes on stdin. */
void tar_take(void *data, size_t bytes); /* ends the applet when the input ends too early */
void tar_end_line(void);
int tar_put(int root);                                              /* how many entries failed */
bool tar_get(int folder, const char *file, const char *name);       /* false when the host reads no more */
int tar_get_end(void);                                              /* how many entries failed */
int tar_open_parent(int root, const char *path, char *last, bool make);

/* Where an upgrade is put before it becomes the program. */
#define UPGRADE_FILE "/run/viv-agent.upgrade"

/* io.c */
bool read_whole(int fd, void *buffer, size_t bytes); /* false: the end came first */
bool write_whole(int fd, const void *buffer, size_t bytes);
int complain(const char *what, const char *name); /* “what name: strerror” to stderr; returns 1 */
uint32_t get32(const uint8_t *at);
void put32(uint8_t *at, uint32_t value);

/* sha256.c (FIPS 180-4) */
struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};
void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t bytes);
void sha256_end(struct sha256 *hash, char hex[65]);
extern const uint32_t sha256_constants[64];
/* False where the processor has no instructions for it. */
bool sha256_by_processor(uint32_t state[8], const uint8_t *data, size_t blocks);

#endif
