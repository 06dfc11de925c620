using Taishang.Ai.Inference;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Inference;

public sealed class TextBatcherTests
{
    private const float Tolerance = 1e-5f;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Many_calls_at_once_get_the_vectors_that_each_would_get_alone()
    {
        using var world = new ModelsWorld();
        world.AddModel("tokens", ModelsWorld.TokenModel());
        string[] words = ["red", "green", "blue", "good", "bad"];
        var random = new Random(5);
        string[] texts = [.. Enumerable.Range(0, 120).Select(_ => string.Join(
            ' ', Enumerable.Range(0, random.Next(1, 30)).Select(_ => words[random.Next(words.Length)])))];
        var alone = new List<float[]>();
        foreach (string text in texts) alone.Add((await world.EmbedAsync("tokens", "", text)).Values);
        EmbeddingBatch[] together = await Task.WhenAll(texts.Select(text => world.EmbedAsync("tokens", "", text)))
            .WaitAsync(Bound);
        for (int i = 0; i < texts.Length; i++)
        {
            for (int column = 0; column < ModelsWorld.Dimensions; column++)
                Assert.Equal(alone[i][column], together[i].Values[column], Tolerance);
        }
    }

    [Fact]
    public async Task A_model_without_a_mask_gives_a_text_the_same_vector_beside_longer_ones()
    {
        using var world = new ModelsWorld();
        world.AddModel("sentences", ModelsWorld.SentenceModel());
        EmbeddingBatch alone = await world.EmbedAsync("sentences", "", "red");
        EmbeddingBatch beside = await world.EmbedAsync("sentences", "", "red green blue good bad", "red");
        Assert.Equal(alone[0].ToArray(), beside[1].ToArray());
    }

    [Fact]
    public async Task A_text_that_breaks_its_own_vector_leaves_the_calls_beside_it_alone()
    {
        using var world = new ModelsWorld(options => options.MaxConcurrentCalls = 1);
        float[] table = ModelsWorld.Table;
        table[ModelsWorld.RowOf("bad") * ModelsWorld.Dimensions] = float.NaN;
        world.AddModel("nan", ModelsWorld.TokenModel(table: table));
        await world.EmbedAsync("nan", "", "good");
        Task<EmbeddingBatch>[] calls = [.. Enumerable.Range(0, 40).Select(
            i => world.EmbedAsync("nan", "", i % 10 == 3 ? "bad" : "good"))];
        await Task.WhenAll(calls).WaitAsync(Bound).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Equal(4, calls.Count(call => call.IsFaulted));
        Assert.All(calls.Where(call => call.IsFaulted), call =>
            Assert.Equal(ModelErrorKind.RunFailed, ((ModelException)call.Exception!.InnerException!).Kind));
    }

    [Fact]
    public async Task Calls_and_tokens_beyond_the_queue_are_refused_as_busy()
    {
        using var world = new ModelsWorld(options =>
        {
            options.MaxConcurrentCalls = 1;
            options.MaxQueuedCalls = 2;
            options.MaxQueuedTokens = 1_024;
            options.MaxBatchTexts = 1;
        });
        world.AddModel("tokens", ModelsWorld.TokenModel());
        using ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("tokens"));
        TextBatcher batcher = Batcher(world, lease.Value);
        using var gate = new ManualResetEventSlim();
        (Task first, Task inside) = Hold(batcher, lease.Value, gate);
        await inside.WaitAsync(Bound);
        Task second = batcher.RunAsync(lease.Value, Texts(1_000), (_, _, _) => { }, default);
        ModelException tokens = await Assert.ThrowsAsync<ModelException>(
            () => batcher.RunAsync(lease.Value, Texts(100), (_, _, _) => { }, default));
        Task third = batcher.RunAsync(lease.Value, Texts(3), (_, _, _) => { }, default);
        ModelException calls = await Assert.ThrowsAsync<ModelException>(
            () => batcher.RunAsync(lease.Value, Texts(3), (_, _, _) => { }, default));
        Assert.Equal((ModelErrorKind.Busy, ModelErrorKind.Busy), (tokens.Kind, calls.Kind));
        Assert.Contains("1000 tokens wait", tokens.Message, StringComparison.Ordinal);
        Assert.Contains("3 calls wait", calls.Message, StringComparison.Ordinal);
        gate.Set();
        await Task.WhenAll(first, second, third).WaitAsync(Bound);
    }

    [Fact]
    public async Task A_call_that_is_given_up_while_it_waits_costs_no_run()
    {
        using var world = new ModelsWorld(options =>
        {
            options.MaxConcurrentCalls = 1;
            options.MaxBatchTexts = 1;
        });
        world.AddModel("tokens", ModelsWorld.TokenModel());
        using ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("tokens"));
        TextBatcher batcher = Batcher(world, lease.Value);
        using var gate = new ManualResetEventSlim();
        (Task first, Task inside) = Hold(batcher, lease.Value, gate);
        await inside.WaitAsync(Bound);
        using var leaving = new CancellationTokenSource();
        bool ran = false;
        Task given = batcher.RunAsync(lease.Value, Texts(3), (_, _, _) => ran = true, leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        gate.Set();
        await first.WaitAsync(Bound);
        await batcher.RunAsync(lease.Value, Texts(3), (_, _, _) => { }, default).WaitAsync(Bound);
        Assert.False(ran);
    }

    /// <summary>A call that is in its run, and stays there until the gate opens.</summary>
    private static (Task Call, Task Inside) Hold(TextBatcher batcher, OnnxModel model, ManualResetEventSlim gate)
    {
        var inside = new TaskCompletionSource();
        Task call = batcher.RunAsync(
            model, Texts(3), (_, _, _) =>
            {
                inside.TrySetResult();
                gate.Wait(Bound);
            }, default);
        return (call, inside.Task);
    }

    private static TextBatcher Batcher(ModelsWorld world, OnnxModel model) => new(
        world.Options,
        TextShape.Find(
            model.Inputs, model.Outputs[0], ModelConfig.Parse(ModelsWorld.Reference("tokens")),
            reason => new ModelException(ModelErrorKind.LoadFailed, reason)),
        padding: 0);

    private static TokenizedText[] Texts(params int[] lengths) =>
        [.. lengths.Select(length => new TokenizedText(new long[length], false))];
}
