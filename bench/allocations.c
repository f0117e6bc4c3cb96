/* Counts heap allocations of the process it is preloaded into.
 *
 * The counters live in the file named by BENCH_ALLOCATIONS, mapped and shared, so that another process can read them
 * at any time and subtract two readings. Children that inherit the environment add to the same counters.
 * Built with: cc -O2 -shared -fPIC -o allocations.so allocations.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own entry points: calling them needs no dlsym, which would itself allocate. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

/* The order of the fields is the file's format: 64-bit little-endian counters. */
struct counters {
    atomic_ullong malloc_calls;
    atomic_ullong calloc_calls;
    atomic_ullong realloc_calls;
    atomic_ullong aligned_calls;
    atomic_ullong bytes;
};

/* Takes what is allocated before the file is mapped. */
static struct counters early;
static struct counters *current = &early;

__attribute__((constructor)) static void map_counters(void) {
    const char *path = getenv("BENCH_ALLOCATIONS");
    if (path == NULL) {
        return;
    }
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) {
        current = mapped;
    }
}

static void count(atomic_ullong *calls, size_t size) {
    atomic_fetch_add_explicit(calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&current->bytes, size, memory_order_relaxed);
}

void *malloc(size_t size) {
    count(&current->malloc_calls, size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(&current->calloc_calls, number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
    count(&current->realloc_calls, size);
    return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
    count(&current->aligned_calls, size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(&current->aligned_calls, size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0) {
        return EINVAL;
    }
    count(&current->aligned_calls, size);
    void *pointer = __libc_memalign(alignment, size);
    if (pointer == NULL) {
        return ENOMEM;
    }
    *result = pointer;
    return 0;
}
