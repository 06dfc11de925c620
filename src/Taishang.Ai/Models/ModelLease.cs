namespace Taishang.Ai.Models;

/// <summary>A loaded value that stays loaded at least until this is disposed.</summary>
internal sealed class ModelLease<T>(T value, Action release) : IDisposable
    where T : class
{
    private Action? _release = release;

    public T Value => value;

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
