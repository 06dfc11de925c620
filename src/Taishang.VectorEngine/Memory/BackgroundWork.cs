using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>A place between two steps of a work, where another thread may go on with it.</summary>
internal readonly record struct Pause;

/// <summary>
/// A long work in steps, first on a thread that runs only where a core has nothing else to do: whoever wakes up, such
/// as a write whose disk has answered, goes before it at once. On a machine that always has something else to do that
/// would be never, so a thread that got too little hands the work to one with a small but certain share.
/// </summary>
/// <param name="steps">The work; what it holds is released by its own <c>finally</c>.</param>
/// <param name="isStarved">Asked after each step of the first thread.</param>
internal sealed partial class BackgroundWork(IEnumerator<Pause> steps, Func<bool> isStarved)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly object _turn = new();
    private bool _isHanded;
    private Exception? _fault;
    private bool _isDone;

    /// <summary>Starts it; the task ends with it, or fails as it does.</summary>
    public Task Start()
    {
        // Both are made by the caller: a thread inherits how its maker runs, and without privileges it may not leave
        // the idle policy.
        BackgroundThreads.StartThread(End, isIdle: false);
        BackgroundThreads.StartThread(Begin, isIdle: true);
        return _ended.Task;
    }

    private void Begin()
    {
        Run(isStarved);
        lock (_turn)
        {
            _isHanded = true;
            Monitor.Pulse(_turn);
        }
    }

    private void End()
    {
        lock (_turn)
        {
            while (!_isHanded)
                Monitor.Wait(_turn);
        }

        if (!_isDone)
            Run(static () => false);
        if (_fault is null)
            BackgroundThreads.Post(_ended.SetResult);
        else
            BackgroundThreads.Post(() => _ended.SetException(_fault));
    }

    private void Run(Func<bool> letsGo)
    {
        try
        {
            while (steps.MoveNext())
            {
                if (letsGo())
                    return;
            }

            steps.Dispose();
        }
        catch (Exception exception)
        {
            // What a step threw has ended the enumerator too.
            _fault = exception;
        }

        _isDone = true;
    }

    /// <summary>Compares the time on the clock with the time on a core, of the thread that asks.</summary>
    internal sealed partial class Share
    {
        /// <summary>Over less than this a share says nothing.</summary>
        private const double WindowMs = 250;

        /// <summary>What a thread of the ordinary background gets about, where others want all cores.</summary>
        private const double LeastShare = 0.1;

        private const int ThreadClock = 3;

        private long _wall;
        private double _cpuMs = -1;

        /// <summary>False until a window has passed, and where the system tells no time of threads.</summary>
        public bool IsStarved()
        {
            if (_cpuMs >= 0 && Stopwatch.GetElapsedTime(_wall).TotalMilliseconds < WindowMs)
                return false;

            var cpu = CpuMs();
            var starved = _cpuMs >= 0
                && cpu - _cpuMs < LeastShare * Stopwatch.GetElapsedTime(_wall).TotalMilliseconds;
            (_wall, _cpuMs) = (Stopwatch.GetTimestamp(), cpu);
            return starved;
        }

        private static double CpuMs() =>
            OperatingSystem.IsLinux() && Clock(ThreadClock, out var time) == 0
                ? (time.Seconds * 1e3) + (time.Nanoseconds / 1e6)
                : double.PositiveInfinity;

        [LibraryImport("libc", EntryPoint = "clock_gettime")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial int Clock(int clock, out ClockTime time);

        [StructLayout(LayoutKind.Sequential)]
        private struct ClockTime
        {
            public long Seconds;
            public long Nanoseconds;
        }
    }
}
