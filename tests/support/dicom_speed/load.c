/* Modalities that ask a worklist server as fast as it answers: a new association for each query, one query each.
 *
 *   load PORT CLIENTS SECONDS ASSOCIATE QUERY
 *
 * ASSOCIATE and QUERY are files with the bytes to send: an A-ASSOCIATE-RQ, and the P-DATA-TF PDUs of one C-FIND-RQ.
 * Nobody asks anew after SECONDS, but who has asked is waited for (at most PATIENCE more), so that a slow server's work counts as a
 * fast one's does. Prints one line: queries, answers, failures, seconds until the last answer, p50_us, p99_us. A query counts when
 * its association was released after final status 0000; one that nobody answered is a failure. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, MOST = 4000000, PATIENCE = 120 };
typedef struct { int fd; uint8_t *in; size_t held; double began; uint8_t command[1024]; size_t command_length; int found; } Client;

static struct sockaddr_in server;
static uint8_t ask[65536], query[65536];
static const uint8_t release_rq[10] = {5, 0, 0, 0, 0, 4};
static size_t ask_length, query_length;
static int loop, asking;
static double end;
static long queries, answers, failures;
static double *times;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static size_t file(const char *name, uint8_t *into, size_t room) {
    FILE *f = fopen(name, "rb");
    if (!f) { perror(name); exit(2); }
    size_t length = fread(into, 1, room, f);
    fclose(f);
    return length;
}

static void say(Client *c, const void *bytes, size_t length) {
    if (send(c->fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) failures++;
}

static void begin(Client *c) {
    int one = 1;
    if (now() >= end) return;
    asking++;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->held = c->command_length = 0;
    c->found = 0;
    c->began = now();
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server)) { perror("connect"); exit(2); }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &e);
    say(c, ask, ask_length);
}

static void again(Client *c, int well) {
    close(c->fd);
    asking--;
    if (well) { if (queries < MOST) times[queries] = now() - c->began; queries++; answers += c->found; } else failures++;
    begin(c);
}

static uint32_t big(const uint8_t *b) { return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]; }

/* Returns the status of a whole command set, -1 when it has none. */
static int status_of(const uint8_t *b, size_t length) {
    for (size_t at = 0; at + 8 <= length;) {
        uint32_t size = b[at + 4] | b[at + 5] << 8 | b[at + 6] << 16 | (uint32_t)b[at + 7] << 24;
        if (b[at] == 0 && b[at + 2] == 0 && b[at + 3] == 9) return b[at + 8] | b[at + 9] << 8;
        at += 8 + size;
    }
    return -1;
}

static void values(Client *c, const uint8_t *b, size_t length) {
    for (size_t at = 0; at + 6 <= length;) {
        size_t size = big(b + at);
        if (b[at + 5] & 1) {
            size_t part = size - 2;
            if (c->command_length + part > sizeof c->command) { failures++; return; }
            memcpy(c->command + c->command_length, b + at + 6, part);
            c->command_length += part;
            if (b[at + 5] & 2) {
                int status = status_of(c->command, c->command_length);
                c->command_length = 0;
                if (status == 0xFF00 || status == 0xFF01) c->found++;
                else { if (status) failures++; say(c, release_rq, sizeof release_rq); }
            }
        }
        at += 4 + size;
    }
}

static void take(Client *c) {
    ssize_t got = recv(c->fd, c->in + c->held, ROOM - c->held, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { again(c, 0); return; }
    c->held += got;
    size_t at = 0;
    while (c->held - at >= 6) {
        size_t length = big(c->in + at + 2);
        if (c->held - at < 6 + length) break;
        uint8_t kind = c->in[at];
        if (kind == 2) say(c, query, query_length);
        else if (kind == 4) values(c, c->in + at + 6, length);
        else { again(c, kind == 6); return; }
        at += 6 + length;
    }
    memmove(c->in, c->in + at, c->held - at);
    c->held -= at;
}

static int by_size(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }

int main(int argc, char **argv) {
    if (argc != 6) { fprintf(stderr, "load PORT CLIENTS SECONDS ASSOCIATE QUERY\n"); return 2; }
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int clients = atoi(argv[2]);
    double seconds = atof(argv[3]);
    ask_length = file(argv[4], ask, sizeof ask);
    query_length = file(argv[5], query, sizeof query);
    times = malloc(MOST * sizeof *times);
    loop = epoll_create1(0);
    double start = now();
    end = start + seconds;
    Client *all = calloc(clients, sizeof *all);
    for (int n = 0; n < clients; n++) { all[n].in = malloc(ROOM); begin(&all[n]); }
    struct epoll_event ready[64];
    while (asking && now() < end + PATIENCE) {
        int count = epoll_wait(loop, ready, 64, 100);
        for (int n = 0; n < count; n++) take(ready[n].data.ptr);
    }
    double took = now() - start;
    failures += asking;
    long kept = queries < MOST ? queries : MOST;
    qsort(times, kept, sizeof *times, by_size);
    printf("%ld %ld %ld %.3f %.0f %.0f\n", queries, answers, failures, took,
           kept ? times[kept / 2] * 1e6 : 0, kept ? times[kept * 99 / 100] * 1e6 : 0);
    return 0;
}
