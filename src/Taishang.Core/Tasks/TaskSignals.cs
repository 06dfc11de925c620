using System.Threading.Channels;

namespace Taishang.Core.Tasks;

/// <summary>
/// What a part of this process tells another without the database: that there is work, and that a running task should
/// let go. A signal may be lost or come twice; polling makes up for it.
/// </summary>
public sealed class TaskSignals
{
    private readonly Channel<bool> _work = OneSlot();
    private readonly Channel<bool> _wish = OneSlot();
    private readonly Channel<string> _outward = Channel.CreateBounded<string>(
        new BoundedChannelOptions(16) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>There is work in the queue.</summary>
    public void Work() => _work.Writer.TryWrite(true);

    /// <summary>A running task was asked to stop.</summary>
    public void Wish() => _wish.Writer.TryWrite(true);

    /// <summary>As <see cref="Work"/>, for other processes too.</summary>
    internal void WorkEverywhere()
    {
        Work();
        _outward.Writer.TryWrite(TaskNotices.Work);
    }

    /// <summary>As <see cref="Wish"/>, for other processes too.</summary>
    internal void WishEverywhere()
    {
        Wish();
        _outward.Writer.TryWrite(TaskNotices.Wish);
    }

    internal ChannelReader<string> Outward => _outward.Reader;

    internal Task WaitWorkAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellation) =>
        WaitAsync(_work.Reader, limit, time, cancellation);

    internal Task WaitWishAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellation) =>
        WaitAsync(_wish.Reader, limit, time, cancellation);

    private static Channel<bool> OneSlot() =>
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private static async Task WaitAsync(
        ChannelReader<bool> reader, TimeSpan limit, TimeProvider time, CancellationToken cancellation)
    {
        if (reader.TryRead(out _)) return;
        using var timer = new CancellationTokenSource(limit, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            if (await reader.WaitToReadAsync(both.Token)) reader.TryRead(out _);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // The time was up: the caller polls.
        }
    }
}

/// <summary>The two notices that processes send each other.</summary>
internal static class TaskNotices
{
    /// <summary>The channel of LISTEN and NOTIFY.</summary>
    public const string Channel = "tai_tasks";

    public const string Work = "work";
    public const string Wish = "wish";
}
