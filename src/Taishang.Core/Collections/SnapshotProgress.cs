using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>Asks the worker from time to time how far it is with a snapshot, and tells the task.</summary>
internal sealed class SnapshotProgress(IAiClient ai, TimeProvider time)
{
    /// <summary>Between two questions; each is a recorded call.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    /// <summary>Does the work and follows it. Progress that can not be asked for fails nothing.</summary>
    /// <param name="place">The snapshot that is taken or restored, and its worker.</param>
    /// <param name="context">Of the task.</param>
    /// <param name="work">Begins it.</param>
    /// <param name="cancellation">Of the attempt.</param>
    public async Task<T> FollowAsync<T>(
        SnapshotPlace place, TaskContext context, Func<Task<T>> work, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var following = AskAsync(place, context, stop.Token);
        try
        {
            return await work();
        }
        finally
        {
            await stop.CancelAsync();
            await following;
        }
    }

    private async Task AskAsync(SnapshotPlace place, TaskContext context, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Pause, time, cancellation);
                var request = new ListSnapshotsRequest { SnapshotId = place.SnapshotId };
                try
                {
                    var answer = await ai.CallAsync(AiCalls.ListSnapshots, request, place.WorkerId, cancellation);
                    if (answer.Progress > 0) context.ReportProgress((int)(Math.Clamp(answer.Progress, 0, 1) * 100));
                }
                catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
                {
                    // The work itself tells what is wrong; the next question may be answered.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ApiException)
        {
            // The work is over.
        }
    }
}
