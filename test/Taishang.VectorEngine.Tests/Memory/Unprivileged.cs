using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Tests.Memory;

/// <summary>
/// Runs something on a thread that may not raise how it is scheduled, even where the tests run as root: the kernel
/// keeps capabilities by thread, and threads made by this one inherit what it has left.
/// </summary>
internal static partial class Unprivileged
{
    private const uint Version = 0x20080522;
    private const int RaiseScheduling = 23;

    public static Task RunAsync(Func<Task> work)
    {
        var done = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                Drop();
                done.SetResult(work());
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return done.Task.Unwrap();
    }

    private static void Drop()
    {
        var header = new Header { Version = Version };
        var sets = new Sets();
        if (Get(ref header, ref sets) != 0)
            throw new InvalidOperationException($"capget: {Marshal.GetLastPInvokeError()}");
        sets.Effective &= ~(1u << RaiseScheduling);
        sets.Permitted &= ~(1u << RaiseScheduling);
        sets.Inheritable &= ~(1u << RaiseScheduling);
        if (Set(ref header, ref sets) != 0)
            throw new InvalidOperationException($"capset: {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "capget", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Get(ref Header header, ref Sets sets);

    [LibraryImport("libc", EntryPoint = "capset", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Set(ref Header header, ref Sets sets);

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public uint Version;
        public int Thread;
    }

    /// <summary>Two words of each set; the capability is in the first.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Sets
    {
        public uint Effective;
        public uint Permitted;
        public uint Inheritable;
        public uint EffectiveHigh;
        public uint PermittedHigh;
        public uint InheritableHigh;
    }
}
