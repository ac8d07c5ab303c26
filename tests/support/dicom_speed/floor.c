/* The least a server of this shape can do: accept, echo prepared bytes, close. It reads PDU headers and looks at nothing else.
 *
 *   floor ACCEPT ANSWERS
 *
 * ACCEPT is an A-ASSOCIATE-AC, ANSWERS the P-DATA-TF PDUs that follow a request. Prints its port, serves until it is ended. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 65536 };
typedef struct { int fd; size_t held; uint8_t in[ROOM]; } Peer;
static uint8_t accept_pdu[65536], answers[1 << 20];
static const uint8_t release_rp[10] = {6, 0, 0, 0, 0, 4};
static size_t accept_length, answers_length;

static size_t file(const char *name, uint8_t *into, size_t room) {
    FILE *f = fopen(name, "rb");
    if (!f) { perror(name); exit(2); }
    size_t length = fread(into, 1, room, f);
    fclose(f);
    return length;
}

static int serve(Peer *p) {
    ssize_t got = recv(p->fd, p->in + p->held, ROOM - p->held, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
    if (got <= 0) return 0;
    p->held += got;
    size_t at = 0;
    while (p->held - at >= 6) {
        const uint8_t *b = p->in + at;
        size_t length = (size_t)b[2] << 24 | b[3] << 16 | b[4] << 8 | b[5];
        if (p->held - at < 6 + length) break;
        if (b[0] == 1) send(p->fd, accept_pdu, accept_length, MSG_NOSIGNAL);
        else if (b[0] == 4 && b[11] == 2) send(p->fd, answers, answers_length, MSG_NOSIGNAL); /* last fragment of the identifier */
        else if (b[0] == 5) send(p->fd, release_rp, sizeof release_rp, MSG_NOSIGNAL);
        at += 6 + length;
    }
    memmove(p->in, p->in + at, p->held - at);
    p->held -= at;
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "floor ACCEPT ANSWERS\n"); return 2; }
    accept_length = file(argv[1], accept_pdu, sizeof accept_pdu);
    answers_length = file(argv[2], answers, sizeof answers);
    int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), loop = epoll_create1(0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    if (bind(door, (struct sockaddr *)&here, sizeof here) || listen(door, 1024)) { perror("listen"); return 2; }
    getsockname(door, (struct sockaddr *)&here, &size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0}, ready[64];
    epoll_ctl(loop, EPOLL_CTL_ADD, door, &e);
    for (;;) {
        int count = epoll_wait(loop, ready, 64, -1);
        for (int n = 0; n < count; n++) {
            Peer *p = ready[n].data.ptr;
            if (p) { if (!serve(p)) { close(p->fd); free(p); } continue; }
            int fd;
            while ((fd = accept4(door, 0, 0, SOCK_NONBLOCK)) >= 0) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                Peer *q = malloc(sizeof *q);
                q->fd = fd;
                q->held = 0;
                struct epoll_event f = {.events = EPOLLIN, .data.ptr = q};
                epoll_ctl(loop, EPOLL_CTL_ADD, fd, &f);
            }
        }
    }
}
