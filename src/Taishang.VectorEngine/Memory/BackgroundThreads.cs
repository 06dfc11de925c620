using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Threads of their own for work that nobody waits for with an open connection: builds of indexes and of columns. They
/// neither occupy the pool that requests run on nor take its cores from it: where the system can say so, they only get
/// what searches and writes leave.
/// </summary>
internal static partial class BackgroundThreads
{
    /// <summary>Of 0 to 19, as <c>nice</c> counts: at 10 a thread weighs a ninth of an ordinary one where both want the
    /// same core, and nothing less where the core is free.</summary>
    public const int Niceness = 10;

    /// <summary>How long a thread may go on when one of full weight wakes up: the least that Linux takes (from 6.12
    /// on). By itself it lets the running one have some milliseconds, and a durable write wakes up five times.
    /// </summary>
    private const ulong SliceNs = 100_000;

    /// <summary>The policy by which a thread runs where a core has nothing else to do.</summary>
    public const int IdlePolicy = 5;

    private const int OrdinaryPolicy = 0;
    private const int OfThread = 0;
    private const int Myself = 0;

    private static readonly PoolRelay Relay = new();

    /// <summary>Runs the work on a thread that gives way; what awaits it goes on elsewhere.</summary>
    public static Task Start(Action work)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        StartThread(
            () =>
            {
                try
                {
                    work();
                    Post(ended.SetResult);
                }
                catch (Exception exception)
                {
                    Post(() => ended.SetException(exception));
                }
            },
            isIdle: false);
        return ended.Task;
    }

    /// <summary>Runs a work in steps on a thread that gives way at once, and on one with a share of its own where that
    /// one gets too little. What awaits it goes on elsewhere.</summary>
    public static Task Start(IEnumerable<Pause> steps) =>
        new BackgroundWork(steps.GetEnumerator(), new BackgroundWork.Share().IsStarved).Start();

    /// <summary>Has the pool do something for a thread that gives way: see <see cref="PoolRelay"/>.</summary>
    public static void Post(Action work) => Relay.Post(work);

    /// <summary>A thread of its own for work that catches what it throws.</summary>
    /// <param name="work">Ends with the thread.</param>
    /// <param name="isIdle">Runs only where a core has nothing else to do.</param>
    public static void StartThread(Action work, bool isIdle)
    {
        // Made before the first thread that gives way, by one that does not.
        Relay.EnsureStarted();
        var thread = new Thread(() =>
        {
            // The thread ends with the work, so that nothing has to be taken back.
            if (OperatingSystem.IsLinux())
                GiveWay(isIdle ? IdlePolicy : OrdinaryPolicy);
            work();
        })
        {
            IsBackground = true,
            Name = isIdle ? "taishang idle" : "taishang build",
        };
        thread.Start();
    }

    /// <summary>A refusal leaves the thread as it is.</summary>
    private static unsafe void GiveWay(int policy)
    {
        var call = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => 314,
            Architecture.Arm64 => 274,
            _ => 0,
        };
        var attributes = new Attributes
        {
            Size = (uint)sizeof(Attributes),
            Policy = (uint)policy,
            Niceness = Niceness,
            SliceNs = SliceNs,
        };
        if (call == 0 || SystemCall(call, Myself, &attributes, 0) != 0)
            _ = SetPriority(OfThread, Myself, Niceness);
    }

    /// <summary>What the system calls <c>sched_attr</c>, in its first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Attributes
    {
        public uint Size;
        public uint Policy;
        public ulong Flags;
        public int Niceness;
        public uint Priority;
        public ulong SliceNs;
        public ulong Deadline;
        public ulong Period;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static unsafe partial nint SystemCall(nint number, nint who, Attributes* attributes, nint flags);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPriority(int kind, int who, int niceness);
}
