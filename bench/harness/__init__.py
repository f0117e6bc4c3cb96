"""What the benchmark is made of: processes, contenders, load, counts, memory, report."""
