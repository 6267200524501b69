"""What lbdemo-report costs: merges 1,000 reports of 4,096 requests each, whose raw order is whole."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

REPORTS, REQUESTS, ROUNDS = 1000, 4096, 5


def merge(program, folder):
    """Seconds of wall clock, of CPU, and MiB at most."""
    start = time.monotonic()
    child = subprocess.Popen([program, folder], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"lbdemo-report ended with wait status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    build = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="lbdemo-bench-") as folder:
        subprocess.run([os.path.join(build, "tests", "report", "make_reports"), folder, str(REPORTS),
                        f"requests={REQUESTS}"], check=True)
        size = sum(entry.stat().st_size for entry in os.scandir(folder))
        rounds = [merge(os.path.join(build, "lbdemo-report"), folder) for _ in range(ROUNDS)]
    wall, cpu, memory = (statistics.median(column) for column in zip(*rounds))
    print(f"{REPORTS} reports of {REQUESTS} requests, {size / 1e6:.0f} MB, {os.cpu_count()} processors: "
          f"{wall:.2f} s, CPU {cpu:.2f} s, {memory:.1f} MiB (medians of {ROUNDS})")


main()
