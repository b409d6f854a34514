"""Takes from this process what a tool that reads hostile media has no use for, for good: Linux's Landlock (files, TCP,
signals) and seccomp (system calls). Where the kernel lacks one, the other holds.

Standard library only, and imported by path from the launcher: it runs in milliseconds before every ffmpeg.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same on every architecture
LANDLOCK_CREATE_RULESET_VERSION, LANDLOCK_RULE_PATH_BENEATH = 1, 1

# Rights of Landlock, include/uapi/linux/landlock.h; by the ABI that brought them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG, _REFER, _TRUNCATE, _IOCTL_DEV = 1 << 7, 1 << 8, 1 << 13, 1 << 14, 1 << 15
_ALL_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # what a rule on a file may name
_READ = _READ_FILE | _READ_DIR
# No links, sockets, pipes or devices are made: a link in place of an output would have the worker read what it names.
_WRITE = _READ | _WRITE_FILE | _TRUNCATE | _MAKE_REG | _MAKE_DIR | _REMOVE_FILE | _REMOVE_DIR | _REFER
_DEVICE = _READ | _WRITE_FILE | _IOCTL_DEV
_TCP, _SCOPES = 3, 3  # bind and connect; abstract unix sockets and signals

# Programs and libraries, fonts, and what libraries ask of the machine. No home, no data folder, nobody else's /proc.
SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/fonts",
    "/etc/localtime", "/var/cache/fontconfig", "/dev/urandom", "/dev/random", "/dev/zero", "/proc/self",
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu",
    "/sys/devices/system/node",
)  # fmt: skip
LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1",
           "/lib/ld-musl-aarch64.so.1")  # fmt: skip

# Calls refused, by architecture (x86_64, aarch64; None where there is none). With EPERM, so that a library that only
# tries goes on without.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    # the network, and io_uring, which would do all of this unseen
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # files by number instead of path, which rules on paths do not see
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # the kernel's keys, programs, modules, clocks and tracing
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None),
    "personality": (135, 92), "vhangup": (153, 58), "lookup_dcookie": (212, 18),
}  # fmt: skip
_FORKS = {"fork": (57, None), "vfork": (58, None)}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NAMESPACES, _THREAD = 0x7E020080, 0x00010000  # CLONE_NEW…; CLONE_THREAD
_X32 = 0x40000000
_EPERM, _ENOSYS = 1, 38
_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF, 32-bit words
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

_libc = ctypes.CDLL(None, use_errno=True)


def confine(
    *,
    read: Iterable[str] = (),
    write: Iterable[str] = (),
    execute: Iterable[str] = (),
    devices: Iterable[str] = (),
    files: bool = True,
    forks: bool = True,
) -> tuple[str, ...]:
    """Confine this thread and all it starts: files to those paths and below, no network, no calls of _REFUSED.

    `write` includes reading; `execute` names programs, which are readable too; `devices` may be read, written to and
    steered (ioctl). With `files` False, files are left as
    they are; with `forks` False, only threads may be started. Paths that do not exist are passed over. Comes back with
    what is in force now: "landlock", "seccomp", both or nothing.
    """
    if sys.platform != "linux" or _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return ()
    in_force = []
    if files and _restrict_files((read, _READ), (write, _WRITE), (execute, _READ | _EXECUTE), (devices, _DEVICE)):
        in_force.append("landlock")
    if _filter_calls(forks=forks):
        in_force.append("seccomp")
    return tuple(in_force)


def landlock_abi() -> int:
    """Landlock's version in this kernel; 0 where it is missing, switched off, or refused by a container."""
    if sys.platform != "linux":
        return 0
    return max(0, _libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), LANDLOCK_CREATE_RULESET_VERSION))


def knows_calls() -> bool:
    """Whether the numbers of system calls are known for this machine."""
    return sys.platform == "linux" and os.uname().machine in _ARCHITECTURES and sys.maxsize > 2**32


def _restrict_files(*allowed: tuple[Iterable[str], int]) -> bool:
    abi = landlock_abi()
    if not abi:
        return False
    handled = _ALL_FILES[min(abi, 5)]
    attributes = struct.pack("=QQQ", handled, _TCP if abi >= 4 else 0, _SCOPES if abi >= 6 else 0)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]  # an older kernel refuses a longer one
    rules = _libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for paths, rights in allowed:
            for path in paths:
                _allow(rules, path, rights & handled)
        _allow(rules, os.devnull, (_READ_FILE | _WRITE_FILE | _TRUNCATE) & handled)
        return not _libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _OF_A_FILE
        rule = struct.pack("=Qi", rights, place)
        _libc.syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(place)


def _filter_calls(*, forks: bool) -> bool:
    if not knows_calls():
        return False
    lines = _program(*_ARCHITECTURES[os.uname().machine], forks=forks)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    told = Program(len(lines), ctypes.addressof(code))
    return not _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(told), 0, 0)


Line = tuple[int, int, int, int]


def _program(column: int, architecture: int, *, forks: bool) -> list[Line]:
    """Lines of BPF, (code, lines to skip if true, if false, operand), over struct seccomp_data: the call's number at 0,
    the architecture at 4, the low half of the first argument at 16 (both architectures are little-endian)."""
    refuse: Line = (_RETURN, 0, 0, _ERRNO | _EPERM)
    allow: Line = (_RETURN, 0, 0, _ALLOW)
    clone: list[Line] = [(_LOAD, 0, 0, 16)]
    if not forks:
        clone += [(_JSET, 1, 0, _THREAD), refuse]
    clone += [(_JSET, 0, 1, _NAMESPACES), refuse, allow]
    lines: list[Line] = [
        (_LOAD, 0, 0, 4),
        (_JEQ, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),  # calls by another architecture's numbers are made only to get around this
        (_LOAD, 0, 0, 0),
        (_JGE, 0, 1, _X32),
        refuse,
        (_JEQ, 0, 1, _CLONE3[column]),  # its flags lie in memory, where no filter sees them; libraries then use clone
        (_RETURN, 0, 0, _ERRNO | _ENOSYS),
        (_JEQ, 0, len(clone), _CLONE[column]),
        *clone,
    ]
    for numbers in (*_REFUSED.values(), *(() if forks else _FORKS.values())):
        number = numbers[column]
        if number is not None:
            lines += [(_JEQ, 0, 1, number), refuse]
    return [*lines, allow]
