using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// Runs the texts of many calls through one model in common batches. Nothing waits for a batch to fill: a free runner
/// takes what is there, so a lone call is run at once, and batches grow by themselves while runners are busy. The
/// queue is bounded by calls and by tokens.
/// </summary>
internal sealed class TextBatcher(ModelOptions options, TextShape shape, long padding)
{
    private readonly Lock _gate = new();
    private readonly TextQueue _queue = new(
        shape.FixedBatch > 0 ? shape.FixedBatch : options.MaxBatchTexts,
        options.MaxBatchTokens, exact: !shape.MixesLengths);
    private readonly TextRunner _runner = new(shape, padding);
    private int _calls;
    private int _runners;

    /// <summary>Runs texts; <paramref name="sink"/> gets the output of each.</summary>
    /// <param name="model">Stays lent until this is over.</param>
    /// <exception cref="ModelException">Busy when the queue is full, RunFailed when the model fails, or what the sink
    /// threw.</exception>
    public async Task RunAsync(
        OnnxModel model, TokenizedText[] texts, RowSink sink, CancellationToken cancellationToken)
    {
        var job = new TextJob(model, texts, sink);
        Enter(job);
        try
        {
            // The rest of a call that was given up is dropped from the queue; what runs of it, runs to its end.
            await using CancellationTokenRegistration stop =
                cancellationToken.UnsafeRegister(_ => job.Cancel(cancellationToken), null);
            await job.Done;
        }
        finally
        {
            lock (_gate) _calls--;
        }
    }

    private void Enter(TextJob job)
    {
        lock (_gate)
        {
            int most = options.MaxQueuedCalls + job.Model.RunsAtOnce;
            if (_calls >= most) throw Busy($"{most} calls wait for this model already.");
            if (_calls > 0 && _queue.Tokens + job.Tokens > options.MaxQueuedTokens)
                throw Busy($"{_queue.Tokens} tokens wait for this model already.");
            _calls++;
            _queue.Add(job);
            if (_runners >= job.Model.RunsAtOnce) return;
            _runners++;
        }
        _ = Task.Run(DrainAsync, CancellationToken.None);
    }

    private async Task DrainAsync()
    {
        while (Next() is { } batch) await RunBatchAsync(batch);
    }

    private List<QueuedText>? Next()
    {
        lock (_gate)
        {
            List<QueuedText> batch = _queue.Take();
            if (batch.Count > 0) return batch;
            _runners--;
            return null;
        }
    }

    private async Task RunBatchAsync(List<QueuedText> batch)
    {
        try
        {
            await _runner.RunAsync(batch, WhenAllAreOver(batch));
        }
        catch (Exception failure)
        {
            // One call's text may have broken the run of all: each is tried without the others.
            QueuedText[][] calls = [.. batch.GroupBy(text => text.Job).Select(texts => texts.ToArray())];
            if (calls.Length == 1)
            {
                batch[0].Job.Fail(failure);
                return;
            }
            foreach (QueuedText[] call in calls)
            {
                if (!call[0].Job.IsOver) await RunBatchAsync([.. call]);
            }
        }
    }

    // A run is ended early when nobody waits for any of its texts; it holds no timer, so nothing is to be disposed.
    private static CancellationToken WhenAllAreOver(List<QueuedText> batch)
    {
        TextJob[] jobs = [.. batch.Select(text => text.Job).Distinct()];
        var stop = new CancellationTokenSource();
        int left = jobs.Length;
        foreach (TextJob job in jobs)
        {
            _ = job.Done.ContinueWith(
                _ =>
                {
                    if (Interlocked.Decrement(ref left) == 0) stop.Cancel();
                },
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        return stop.Token;
    }

    private static ModelException Busy(string message) =>
        new(ModelErrorKind.Busy, message) { RetryAfter = TimeSpan.FromSeconds(1) };
}
