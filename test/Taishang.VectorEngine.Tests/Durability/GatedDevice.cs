namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>Holds whoever makes the n-th file that is no log, until it is let go: a test looks around meanwhile.
/// </summary>
internal sealed class GatedDevice : WrappedDevice
{
    private readonly Lock _lock = new();
    private int _left = -1;
    private TaskCompletionSource<string> _reached = new();
    private TaskCompletionSource _open = new();

    /// <summary>Closes the gate before the file with this number, from 0; the task tells its name once somebody waits
    /// there.</summary>
    public Task<string> CloseAt(int file)
    {
        lock (_lock)
        {
            _left = file;
            _reached = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _reached.Task;
        }
    }

    public void Open() => _open.TrySetResult();

    protected override void BeforeCreate(string path)
    {
        var name = Path.GetFileName(path);
        if (name.StartsWith("log-", StringComparison.Ordinal) || name == Taishang.VectorEngine.Storage.SpareFile.Name)
            return;

        lock (_lock)
        {
            if (_left-- != 0)
                return;
        }

        _reached.TrySetResult(name);
#pragma warning disable RS0030 // A device is synchronous, and holding the thread that writes is what the gate is for.
        _open.Task.Wait();
#pragma warning restore RS0030
    }
}
