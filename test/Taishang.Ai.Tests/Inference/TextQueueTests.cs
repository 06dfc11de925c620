using Taishang.Ai.Inference;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Inference;

public sealed class TextQueueTests
{
    [Fact]
    public void Every_text_is_taken_once_in_batches_within_their_limits()
    {
        var random = new Random(11);
        var queue = new TextQueue(maxTexts: 8, maxTokens: 256, exact: false);
        TextJob[] jobs = [.. Enumerable.Range(0, 20).Select(_ => Job(
            [.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(1, 400))]))];
        foreach (TextJob job in jobs) queue.Add(job);
        var seen = new HashSet<QueuedText>();
        for (List<QueuedText> batch = queue.Take(); batch.Count > 0; batch = queue.Take())
        {
            int longest = batch.Max(text => text.Ids.Length);
            Assert.True(batch.Count <= 8 && (batch.Count == 1 || longest * batch.Count <= 256));
            Assert.Single(batch.Select(text => TextQueue.BoundOf(text.Ids.Length)).Distinct());
            foreach (QueuedText text in batch) Assert.True(seen.Add(text));
        }
        Assert.Equal(jobs.Sum(job => job.Texts.Length), seen.Count);
        Assert.Equal(0, queue.Tokens);
    }

    [Fact]
    public void A_short_call_does_not_wait_for_the_whole_of_a_long_one()
    {
        var queue = new TextQueue(maxTexts: 8, maxTokens: 4_096, exact: false);
        TextJob many = Job([.. Enumerable.Range(0, 1_000).Select(i => 1 + (i % 100))]);
        TextJob one = Job([30]);
        queue.Add(many);
        queue.Take();
        queue.Add(one);
        int batches = 1;
        while (queue.Take().TrueForAll(text => text.Job != one)) batches++;
        Assert.InRange(batches, 1, 12);
    }

    [Fact]
    public void Calls_of_one_length_share_a_batch()
    {
        var queue = new TextQueue(maxTexts: 8, maxTokens: 4_096, exact: false);
        for (int call = 0; call < 8; call++) queue.Add(Job([20 + (call % 4)]));
        Assert.Equal(8, queue.Take().Select(text => text.Job).Distinct().Count());
        Assert.Empty(queue.Take());
    }

    [Fact]
    public void A_model_without_a_mask_gets_batches_of_one_length_only()
    {
        var queue = new TextQueue(maxTexts: 8, maxTokens: 4_096, exact: true);
        queue.Add(Job([5, 6, 5, 7, 6, 5]));
        Assert.Equal([5, 5, 5], queue.Take().Select(text => text.Ids.Length));
        Assert.Equal([6, 6], queue.Take().Select(text => text.Ids.Length));
        Assert.Equal([7], queue.Take().Select(text => text.Ids.Length));
    }

    [Fact]
    public void Texts_of_a_call_that_was_given_up_are_dropped()
    {
        var queue = new TextQueue(maxTexts: 8, maxTokens: 4_096, exact: false);
        TextJob left = Job([5, 5, 200]);
        queue.Add(left);
        queue.Add(Job([5]));
        left.Cancel(new CancellationToken(canceled: true));
        Assert.Single(queue.Take());
        Assert.Empty(queue.Take());
        Assert.Equal(0, queue.Tokens);
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(8, 8)]
    [InlineData(9, 12)]
    [InlineData(13, 16)]
    [InlineData(25, 32)]
    [InlineData(512, 512)]
    [InlineData(513, 768)]
    public void Lengths_share_buckets_of_two_steps_a_doubling(int length, int bound) =>
        Assert.Equal(bound, TextQueue.BoundOf(length));

    private static TextJob Job(int[] lengths) => new(
        null!, // The queue never looks at the model.
        [.. lengths.Select(length => new TokenizedText(new long[length], false))], (_, _, _) => { });
}
