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

    private const int OfThread = 0;
    private const int Myself = 0;

    /// <summary>Runs the work on a thread that gives way; what awaits it goes on elsewhere.</summary>
    public static Task Start(Action work) => Task.Factory.StartNew(
        () =>
        {
            // The thread ends with the work, so that nothing has to be taken back. A refusal leaves it as it is.
            if (OperatingSystem.IsLinux())
                _ = SetPriority(OfThread, Myself, Niceness);
            work();
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning | TaskCreationOptions.RunContinuationsAsynchronously,
        TaskScheduler.Default);

    [LibraryImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetPriority(int kind, int who, int niceness);
}
