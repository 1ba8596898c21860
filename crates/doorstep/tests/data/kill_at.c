/* Kills its process at a call that changes a file: the one that KILL_AT counts to, from 1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int calls;

static void count(void) {
    const char *at = getenv("KILL_AT");
    if (at && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(at))
        kill(getpid(), SIGKILL);
}

#define BEFORE(result, name, parameters, arguments)                     \
    result name parameters {                                            \
        static result(*original) parameters;                            \
        count();                                                        \
        if (!original)                                                  \
            original = (result(*) parameters)dlsym(RTLD_NEXT, #name);   \
        return original arguments;                                      \
    }

BEFORE(ssize_t, write, (int file, const void *from, size_t size), (file, from, size))
BEFORE(ssize_t, pwrite, (int file, const void *from, size_t size, off_t at), (file, from, size, at))
BEFORE(ssize_t, pwrite64, (int file, const void *from, size_t size, off64_t at),
       (file, from, size, at))
BEFORE(int, fsync, (int file), (file))
BEFORE(int, fdatasync, (int file), (file))
BEFORE(int, ftruncate, (int file, off_t size), (file, size))
BEFORE(int, ftruncate64, (int file, off64_t size), (file, size))
BEFORE(int, rename, (const char *from, const char *to), (from, to))
BEFORE(int, unlink, (const char *path), (path))
