// Hostile clients: keep-alive GETs as fast as they are answered, over connections from many addresses of 127.0.0.0/8.
//
//   flood PORT CONNECTIONS ADDRESSES SECONDS [FIELD]...
//
// Every `%` of a FIELD becomes a number of eight digits that no other request has. A connection that ends is opened
// again. Prints one line of JSON: how many answers of each status came, and how many connections ended or were refused.
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

enum { CONNECTIONS_MAX = 1000, INPUT_MAX = 8192, REQUEST_MAX = 4096 };

struct connection {
    int socket;
    char input[INPUT_MAX];
    size_t count;
};

static struct connection connections[CONNECTIONS_MAX];
static int poller, port, addresses_count, fields_count;
static char **fields;
static long requests, by_status[600], ended, refused;

static double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void request(struct connection *connection) {
    char text[REQUEST_MAX];
    size_t count = (size_t)snprintf(text, sizeof text, "GET /flood HTTP/1.1\r\nHost: flood.test\r\n");
    requests++;
    for (int index = 0; index < fields_count; index++) {
        for (const char *from = fields[index]; *from != 0 && count < sizeof text - 32; from++) {
            if (*from == '%') count += (size_t)snprintf(text + count, sizeof text - count, "%08ld", requests);
            else text[count++] = *from;
        }
        text[count++] = '\r';
        text[count++] = '\n';
    }
    text[count++] = '\r';
    text[count++] = '\n';
    // It fits into the socket's buffer, for nothing else is in it.
    if (send(connection->socket, text, count, MSG_NOSIGNAL) < 0) return;
}

static void open_connection(int index) {
    struct connection *connection = &connections[index];
    connection->count = 0;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // 127.0.1.1 and on: nobody else uses them.
    int address = index % addresses_count;
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(0x7f000101u + (unsigned)(address / 200 * 256 + address % 200));
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(connection->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(connection->socket, (struct sockaddr *)&own, sizeof own) != 0
        || connect(connection->socket, (struct sockaddr *)&place, sizeof place) != 0) {
        refused++;
        close(connection->socket);
        connection->socket = -1;
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (unsigned)index};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->socket, &event);
    request(connection);
}

// Whether the connection goes on.
static int take_answers(struct connection *connection) {
    while (1) {
        char *end = memmem(connection->input, connection->count, "\r\n\r\n", 4);
        if (end == NULL) return connection->count < INPUT_MAX;
        size_t head = (size_t)(end - connection->input) + 4, length = 0;
        for (char *line = connection->input; line < end; line++) {
            if (*line == '\n' && strncasecmp(line + 1, "content-length:", 15) == 0)
                length = (size_t)strtoul(line + 16, NULL, 10);
        }
        if (head + length > INPUT_MAX) return 0;
        if (connection->count < head + length) return 1;
        int status = atoi(connection->input + 9);
        if (status > 0 && status < 600) by_status[status]++;
        memmove(connection->input, connection->input + head + length, connection->count - head - length);
        connection->count -= head + length;
        request(connection);
    }
}

int main(int count, char **words) {
    if (count < 5) return 2;
    port = atoi(words[1]);
    int connections_count = atoi(words[2]);
    addresses_count = atoi(words[3]);
    if (connections_count > CONNECTIONS_MAX || addresses_count < 1) return 2;
    double seconds = atof(words[4]);
    fields = words + 5;
    fields_count = count - 5;
    poller = epoll_create1(EPOLL_CLOEXEC);
    double end = now_seconds() + seconds;
    for (int index = 0; index < connections_count; index++) open_connection(index);
    struct epoll_event events[256];
    while (now_seconds() < end) {
        int found = epoll_wait(poller, events, 256, 20);
        for (int number = 0; number < found; number++) {
            int index = (int)events[number].data.u32;
            struct connection *connection = &connections[index];
            ssize_t got = recv(connection->socket, connection->input + connection->count,
                INPUT_MAX - connection->count, MSG_DONTWAIT);
            if (got < 0 && errno == EAGAIN) continue;
            if (got > 0) connection->count += (size_t)got;
            if (got > 0 && take_answers(connection)) continue;
            ended++;
            close(connection->socket);
            open_connection(index);
        }
    }
    printf("{\"requests\":%ld,\"ended\":%ld,\"refused\":%ld", requests, ended, refused);
    for (int status = 0; status < 600; status++)
        if (by_status[status] > 0) printf(",\"%d\":%ld", status, by_status[status]);
    printf("}\n");
    return 0;
}
