using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Carries signals between the processes on one PostgreSQL, so that a task created by one starts at once in another.
/// A burst of creations is one notice: the server hands notices out under one lock. Nothing depends on them, the queue
/// is polled besides. SQLite has one process, which signals itself.
/// </summary>
internal sealed class TaskNotifier(
    Database database, DatabaseState state, TaskSignals signals, TimeProvider time, ILogger<TaskNotifier> logger)
    : BackgroundService
{
    /// <summary>
    /// A notice has a commit record of its own. Nobody relies on it, so it does not wait for the disk, while the
    /// server's one lock for notices is held.
    /// </summary>
    private const string Send = """
        BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_notify(@channel, @notice); COMMIT
        """;

    /// <summary>Between two notices: whoever is busy needs none, and who is idle was told by the first.</summary>
    private static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (database is not PostgreSqlDatabase server) return;
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(
            AgainAsync(stop => server.ListenAsync(TaskNotices.Channel, Hear, stop), stoppingToken),
            AgainAsync(SendAsync, stoppingToken));
    }

    private void Hear(string notice)
    {
        if (notice == TaskNotices.Work) signals.Work();
        else if (notice == TaskNotices.Wish) signals.Wish();
    }

    private async Task SendAsync(CancellationToken stop)
    {
        var notices = new HashSet<string>();
        while (await signals.Outward.WaitToReadAsync(stop))
        {
            while (signals.Outward.TryRead(out var notice)) notices.Add(notice);
            foreach (var notice in notices)
            {
                await database.ReadAsync(
                    session => session.ExecuteAsync(Send, new { channel = TaskNotices.Channel, notice }), stop);
            }

            notices.Clear();
            await Task.Delay(Gap, time, stop);
        }
    }

    private async Task AgainAsync(Func<CancellationToken, Task> work, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await work(stop);
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                logger.LogWarning("Notices between processes pause: {Reason}", e.Message);
                await Task.Delay(Pause, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
