"""Fibers in gdb: which there are, and where each is suspended. For live processes and core dumps of x86-64.

    (gdb) source scripts/gdb-fibers.py
    (gdb) fibers                    list the fibers of every loop
    (gdb) fiber 3                   backtrace of number 3 of the list
    (gdb) fiber relay               … of every fiber whose name contains "relay"
"""

import gdb
import gdb.unwinder

# What jump_fcontext of Boost.Context 1.81 leaves at the top of a suspended stack (jump_x86_64_sysv_elf_gas.S), in bytes from the saved position.
SAVED = {"r12": 0x10, "r13": 0x18, "r14": 0x20, "r15": 0x28, "rbx": 0x30, "rbp": 0x38, "rip": 0x40}
STACK_AFTER = 0x48


def evaluate(expression):
    """In C++ whatever the language of the selected frame is: an idle loop is inside the C library."""
    language = gdb.parameter("language")
    gdb.execute("set language c++", to_string=True)
    try:
        return gdb.parse_and_eval(expression)
    finally:
        gdb.execute(f"set language {language}", to_string=True)


def each_fiber():
    """(thread number, fiber) of every loop that a thread runs; the newest first, as each loop keeps them."""
    chosen = gdb.selected_thread()
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda one: one.num):
            thread.switch()
            try:
                loop = evaluate("mamey::v1::detail::here.loop")
            except gdb.error:
                continue
            if int(loop) == 0:
                continue
            fiber = loop["first_fiber"]
            while int(fiber) != 0:
                yield thread.num, fiber
                fiber = fiber["next"]
    finally:
        chosen.switch()


def name_of(fiber):
    return fiber["name"].string(errors="replace")


def is_running(fiber):
    """The one that its thread executes right now: `fibers` knows its thread, `bt` there shows it."""
    return int(evaluate("mamey::v1::detail::here.current").cast(fiber.type)) == int(fiber)


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class SuspendedStack(gdb.unwinder.Unwinder):
    """Pretends, while a position is set, that the innermost frame was called from the suspended fiber."""

    def __init__(self):
        super().__init__("mamey-fibers")
        self.position = None
        self.innermost = None

    def __call__(self, pending):
        if self.position is None:
            return None
        sp = pending.read_register("rsp")
        if int(sp) != self.innermost:
            return None
        word = gdb.lookup_type("unsigned long")
        below = gdb.Value(self.position).cast(word)  # gdb gives up on a stack whose callers lie below their callees
        unwound = pending.create_unwind_info(FrameId(below, pending.read_register("rip")))
        for register, offset in SAVED.items():
            unwound.add_saved_register(register, gdb.Value(self.position + offset).cast(word.pointer()).dereference())
        unwound.add_saved_register("rsp", gdb.Value(self.position + STACK_AFTER).cast(word))
        return unwound

    def show(self, position):
        gdb.execute("select-frame 0", to_string=True)
        self.innermost = int(gdb.parse_and_eval("$rsp").cast(gdb.lookup_type("unsigned long")))
        self.position = position
        gdb.invalidate_cached_frames()
        try:
            lines = gdb.execute("backtrace", to_string=True).splitlines()
        finally:
            self.position = None
            gdb.invalidate_cached_frames()
        end = next((i for i, line in enumerate(lines) if " make_fcontext " in line), len(lines))  # below it there is no caller
        gdb.write("\n".join(lines[1:end]) + "\n")  # the first is where the thread itself is


SUSPENDED = SuspendedStack()
gdb.unwinder.register_unwinder(None, SUSPENDED, replace=True)


class Fibers(gdb.Command):
    """List the fibers of every event loop: number, thread, name."""

    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        for number, (thread, fiber) in enumerate(each_fiber(), 1):
            gdb.write(f"{number:5}  thread {thread:<3} {'running  ' if is_running(fiber) else 'suspended'}  {name_of(fiber)}\n")


class Fiber(gdb.Command):
    """Show where fibers are suspended: `fiber NUMBER` of the list `fibers` prints, or `fiber NAME` for every one whose name contains it."""

    def __init__(self):
        super().__init__("fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        wanted = argument.strip()
        if not wanted:
            raise gdb.GdbError("fiber NUMBER or fiber NAME; `fibers` lists them")
        found = False
        for number, (thread, fiber) in enumerate(list(each_fiber()), 1):
            if not (str(number) == wanted or (not wanted.isdigit() and wanted in name_of(fiber))):
                continue
            found = True
            gdb.write(f"fiber {number}, '{name_of(fiber)}', of thread {thread}\n")
            SUSPENDED.show(int(fiber["position"]))
        if not found:
            raise gdb.GdbError(f"no fiber {wanted}")


Fibers()
Fiber()
