namespace Taishang.Core.Data;

/// <summary>Whether the schema is in place; until then every call to the database is refused with 503.</summary>
public sealed class DatabaseState
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _reason = "the database was not reached yet";

    public bool Ready => _reason is null;

    /// <summary>What is missing, for /readyz; null when ready.</summary>
    public string? Reason => _reason;

    public Task WaitReadyAsync(CancellationToken cancellation) => _ready.Task.WaitAsync(cancellation);

    internal void SetReady()
    {
        _reason = null;
        _ready.TrySetResult();
    }

    internal void SetNotReady(string reason) => _reason = reason;
}
