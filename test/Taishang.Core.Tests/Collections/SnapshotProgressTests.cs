using Microsoft.Extensions.Time.Testing;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Collections;

public sealed class SnapshotProgressTests
{
    [Fact]
    public async Task A_task_shows_how_far_the_worker_is_and_an_unanswered_question_fails_nothing()
    {
        var time = new Clock();
        var answers = new Queue<double?>([0, 0.25, null, 0.5]);
        var ai = new FakeAiClient().On(AiCalls.ListSnapshots, request =>
        {
            Assert.Equal("snap", request.SnapshotId);
            var share = answers.Dequeue() ?? throw new ApiException(ErrorCodes.AiUnavailable);
            return new ListSnapshotsResponse { Progress = share };
        });
        var context = new FakeTaskContext();
        var work = new TaskCompletionSource<int>();
        var following = new SnapshotProgress(ai, time).FollowAsync(
            new SnapshotPlace("snap", ai.WorkerId), context, () => work.Task, CancellationToken.None);
        var shown = new List<string>();
        for (var question = 0; question < 4; question++)
        {
            await time.WaitsAsync();
            shown.Add(string.Join(',', context.Progress));
            time.Advance(SnapshotProgress.Pause);
        }

        await time.WaitsAsync();
        work.SetResult(7);

        Assert.Equal(7, await following);
        Assert.Equal(["", "", "25", "25"], shown);
        Assert.Equal([25, 50], context.Progress);
    }

    [Fact]
    public async Task What_the_work_fails_with_is_what_its_caller_gets()
    {
        var progress = new SnapshotProgress(new FakeAiClient(), new Clock());

        var failed = await Assert.ThrowsAsync<ApiException>(() => progress.FollowAsync<int>(
            new SnapshotPlace("snap", "worker"), new FakeTaskContext(),
            () => throw new ApiException(ErrorCodes.SnapshotNotFound), CancellationToken.None));

        Assert.Equal(ErrorCodes.SnapshotNotFound, failed.Code);
    }

    /// <summary>Tells when somebody begins to wait.</summary>
    private sealed class Clock : FakeTimeProvider
    {
        private readonly SemaphoreSlim _timers = new(0);

        public Task WaitsAsync() => _timers.WaitAsync(TestContext.Current.CancellationToken);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _timers.Release();
            return timer;
        }
    }
}
