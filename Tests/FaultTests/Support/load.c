// Keep-alive load of GET /item/N, every answer checked against what N's body must be. No request is sent twice.
//
//   load PORT REQUESTS CONNECTIONS [TIME-OUT-SECONDS]
//
// Prints `progress N` while it runs (every twentieth part) and one line of JSON at the end. Exit code 0 when every
// request was answered with 200 and its own body.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "item.h"

enum { CONNECTIONS_MAX = 1024, INPUT_MAX = 16384, BUCKETS = 40000 };

struct connection {
    int socket;
    long number;  // of the request under way; -1: none
    long long started;
    char input[INPUT_MAX];
    size_t count;
};

static struct connection connections[CONNECTIONS_MAX];
static int poller, port, connections_count;
static long requests, issued, finished, progress_step, time_out_seconds = 45;
static long by_status[600], wrong_body, broken, timed_out, refused_connects;
static long histogram[BUCKETS];  // steps of 100 µs
static long long slowest;

static long long now_nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int start_connection(struct connection *c) {
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((unsigned short)port);
    if (c->socket < 0 || connect(c->socket, (struct sockaddr *)&address, sizeof address) != 0) {
        refused_connects++;
        if (c->socket >= 0) close(c->socket);
        c->socket = -1;
        return 0;
    }
    int on = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)(c - connections)};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event);
    return 1;
}

static void send_next(struct connection *c);

static void count_finished(void) {
    finished++;
    if (finished % progress_step == 0) {
        printf("progress %ld\n", finished);
        fflush(stdout);
    }
}

/// The request under way has no answer: it is lost, and its connection with it.
static void lose(struct connection *c, long *counter) {
    ++*counter;
    close(c->socket);
    c->socket = -1;
    c->number = -1;
    count_finished();
    send_next(c);
}

static void send_next(struct connection *c) {
    while (issued < requests) {
        c->number = issued++;
        c->started = now_nanoseconds();
        c->count = 0;
        if (c->socket < 0 && !start_connection(c)) {
            c->number = -1;
            count_finished();
            continue;
        }
        char request[128];
        int length = snprintf(request, sizeof request, "GET /item/%ld HTTP/1.1\r\nHost: load\r\n\r\n", c->number);
        if (send(c->socket, request, (size_t)length, MSG_NOSIGNAL) != length) return lose(c, &broken);
        return;
    }
    c->number = -1;
}

static void record(struct connection *c, int status, const char *body, size_t length) {
    char expected[ITEM_MAX];
    size_t count = write_item(expected, (unsigned long)c->number);
    if (status > 0 && status < 600) by_status[status]++;
    if (status == 200 && (length != count || memcmp(body, expected, count) != 0)) wrong_body++;
    long long elapsed = now_nanoseconds() - c->started;
    if (elapsed > slowest) slowest = elapsed;
    long bucket = (long)(elapsed / 100000);
    histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static void read_answer(struct connection *c) {
    ssize_t got = recv(c->socket, c->input + c->count, sizeof c->input - c->count - 1, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) return;
    if (c->number < 0) {
        close(c->socket);
        c->socket = -1;
        return;
    }
    if (got <= 0) return lose(c, &broken);
    c->count += (size_t)got;
    c->input[c->count] = 0;
    char *end = memmem(c->input, c->count, "\r\n\r\n", 4);
    if (!end) return;
    char *field = strcasestr(c->input, "\r\ncontent-length:");
    if (!field || field > end || strncmp(c->input, "HTTP/1.1 ", 9) != 0) return lose(c, &broken);
    size_t length = strtoul(field + 17, NULL, 10), head = (size_t)(end + 4 - c->input);
    if (c->count < head + length) return;
    if (c->count > head + length) return lose(c, &wrong_body);
    char *closing = strcasestr(c->input, "\r\nconnection: close");
    record(c, atoi(c->input + 9), end + 4, length);
    if (closing && closing < end) {
        close(c->socket);
        c->socket = -1;
    }
    count_finished();
    send_next(c);
}

static double percentile(double share) {
    long total = 0, seen = 0;
    for (long i = 0; i < BUCKETS; i++) total += histogram[i];
    for (long i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen > 0 && (double)seen >= share * (double)total) return (double)(i + 1) / 10;
    }
    return 0;
}

static int report(double seconds) {
    long lost = requests - by_status[200] + wrong_body;
    printf("{\"sent\":%ld,\"ok\":%ld,\"lost\":%ld,\"wrong_body\":%ld,\"broken\":%ld,\"timed_out\":%ld,", requests,
           by_status[200] - wrong_body, lost, wrong_body, broken, timed_out);
    printf("\"refused_connects\":%ld,\"by_status\":{", refused_connects);
    const char *separator = "";
    for (int status = 0; status < 600; status++) {
        if (by_status[status] == 0) continue;
        printf("%s\"%d\":%ld", separator, status, by_status[status]);
        separator = ",";
    }
    printf("},\"seconds\":%.2f,\"rate\":%.0f,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"p999_ms\":%.1f,\"max_ms\":%.1f}\n",
           seconds, (double)requests / seconds, percentile(0.5), percentile(0.99), percentile(0.999),
           (double)slowest / 1e6);
    return lost == 0 ? 0 : 1;
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: load PORT REQUESTS CONNECTIONS [TIME-OUT-SECONDS]\n");
        return 2;
    }
    port = atoi(arguments[1]);
    requests = atol(arguments[2]);
    connections_count = atoi(arguments[3]);
    if (count > 4) time_out_seconds = atol(arguments[4]);
    if (connections_count < 1 || connections_count > CONNECTIONS_MAX || requests < 1) return 2;
    progress_step = requests / 20 > 0 ? requests / 20 : 1;
    poller = epoll_create1(EPOLL_CLOEXEC);
    long long start = now_nanoseconds();
    for (int i = 0; i < connections_count; i++) {
        connections[i].socket = -1;
        send_next(&connections[i]);
    }
    struct epoll_event events[256];
    while (finished < requests) {
        int ready = epoll_wait(poller, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            struct connection *c = &connections[events[i].data.u32];
            if (c->socket >= 0) read_answer(c);
        }
        long long now = now_nanoseconds();
        for (int i = 0; i < connections_count && ready < 256; i++) {
            struct connection *c = &connections[i];
            if (c->number >= 0 && now - c->started > time_out_seconds * 1000000000LL) lose(c, &timed_out);
        }
    }
    return report((double)(now_nanoseconds() - start) / 1e9);
}
