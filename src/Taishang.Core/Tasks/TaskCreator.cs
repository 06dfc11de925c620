using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Creates tasks that arrive at once in one transaction: a commit waits for the disk, and many callers can wait for
/// the same one. Each is answered only after it. When a group fails for a reason of one of its tasks, each is tried
/// alone, so that it fails alone.
/// </summary>
internal sealed class TaskCreator(Database database, TaskStore store, TaskDepth depth) : BackgroundService
{
    private const int GroupMax = 256;
    private const int WaitingMax = 10_000;

    private readonly Channel<Waiting> _waiting = Channel.CreateBounded<Waiting>(
        new BoundedChannelOptions(WaitingMax) { SingleReader = true });

    /// <summary>Durable when it completes.</summary>
    public async Task<AiTask> CreateAsync(NewTask task, CancellationToken cancellation)
    {
        var waiting = new Waiting(task with { Trace = task.Trace ?? TaskTrace.Current });
        await _waiting.Writer.WriteAsync(waiting, cancellation);
        return await waiting.Done.Task.WaitAsync(cancellation);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _waiting.Writer.TryComplete();
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // It ends when the channel is closed and empty: whoever was let in is answered.
        var group = new List<Waiting>(GroupMax);
        while (await _waiting.Reader.WaitToReadAsync(CancellationToken.None))
        {
            var max = GroupMaxNow();
            while (group.Count < max && _waiting.Reader.TryRead(out var waiting)) group.Add(waiting);
            await CreateAsync(group);
            group.Clear();
        }
    }

    /// <summary>No more than there is room for, so that none is refused for its company.</summary>
    private int GroupMaxNow() => depth.Room is > 0 and < GroupMax and var room ? (int)room : GroupMax;

    private async Task CreateAsync(List<Waiting> group)
    {
        try
        {
            var tasks = await database.WriteAsync(
                session => store.CreateAsync(session, group.ConvertAll(waiting => waiting.Task)),
                CancellationToken.None);
            for (var i = 0; i < group.Count; i++) group[i].Done.TrySetResult(tasks[i]);
        }
        catch (Exception e) when (group is [{ Task.Id: not null } again] && DatabaseFailure.IsUniqueViolation(e))
        {
            // The first try of the same request had come this far: its task is the answer.
            await AnswerAsync(again);
        }
        catch (Exception e) when (group.Count == 1 || DatabaseFailure.IsUnavailable(e) || IsForAll(e))
        {
            foreach (var waiting in group) waiting.Done.TrySetException(e);
        }
        catch
        {
            foreach (var waiting in group) await CreateAsync([waiting]);
        }
    }

    private static bool IsForAll(Exception e) =>
        e is Api.ApiException api && api.Code == Api.ErrorCodes.TaskQueueFull;

    private async Task AnswerAsync(Waiting again)
    {
        try
        {
            again.Done.TrySetResult(await store.GetAsync(again.Task.Id ?? "", CancellationToken.None));
        }
        catch (Exception e)
        {
            again.Done.TrySetException(e);
        }
    }

    private sealed class Waiting(NewTask task)
    {
        public NewTask Task { get; } = task;

        public TaskCompletionSource<AiTask> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
