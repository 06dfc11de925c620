namespace Taishang.Ai.Inference;

/// <summary>One text of a call.</summary>
internal readonly record struct QueuedText(TextJob Job, int Row)
{
    public long[] Ids => Job.Texts[Row].Ids;
}

/// <summary>
/// Texts that wait, in buckets of about equal length, and the order in which they are taken: the buckets in turn, and
/// inside of a bucket the calls in turn, a few texts each, so that a call of one text waits for a few batches and not
/// for the ten thousand texts before it. Not safe for several threads; its owner has the lock.
/// </summary>
/// <param name="maxTexts">Texts of a batch.</param>
/// <param name="maxTokens">Tokens of a batch, padding included.</param>
/// <param name="exact">Whether a batch is of texts of one length only.</param>
internal sealed class TextQueue(int maxTexts, int maxTokens, bool exact)
{
    // What a call may take of a batch before the next one's turn.
    private const int SharesOfBatch = 4;

    // Two steps for each doubling: at most a third of a batch is padding, and some twenty buckets hold all lengths.
    private const int SmallestLength = 8;

    private readonly Dictionary<int, Queue<Part>> _buckets = [];
    private readonly Queue<int> _turns = [];

    /// <summary>Tokens of the texts that wait.</summary>
    public long Tokens { get; private set; }

    public void Add(TextJob job)
    {
        int[] rows = [.. Enumerable.Range(0, job.Texts.Length)];
        Array.Sort(Array.ConvertAll(job.Texts, text => text.Ids.Length), rows);
        int start = 0;
        while (start < rows.Length)
        {
            int bucket = BucketOf(LengthAt(start));
            int end = start + 1;
            while (end < rows.Length && BucketOf(LengthAt(end)) == bucket) end++;
            Put(bucket, new Part(job, rows.AsMemory(start, end - start)));
            start = end;
        }
        Tokens += job.Tokens;

        int LengthAt(int index) => job.Texts[rows[index]].Ids.Length;
    }

    /// <summary>Takes the next batch; empty when nothing waits. Texts of calls that are over are dropped.</summary>
    public List<QueuedText> Take()
    {
        var batch = new List<QueuedText>();
        while (batch.Count == 0 && _turns.TryDequeue(out int bucket))
        {
            Queue<Part> parts = _buckets[bucket];
            Fill(batch, parts);
            if (parts.Count > 0) _turns.Enqueue(bucket);
            else _buckets.Remove(bucket);
        }
        return batch;
    }

    /// <summary>The longest length that shares a bucket with this one.</summary>
    public static int BoundOf(int length)
    {
        int bound = SmallestLength;
        while (bound < length)
        {
            int between = bound + (bound / 2);
            if (between >= length) return between;
            bound *= 2;
        }
        return bound;
    }

    private int BucketOf(int length) => exact ? length : BoundOf(length);

    private void Put(int bucket, Part part)
    {
        if (!_buckets.TryGetValue(bucket, out Queue<Part>? parts))
        {
            _buckets[bucket] = parts = new Queue<Part>();
            _turns.Enqueue(bucket);
        }
        parts.Enqueue(part);
    }

    private void Fill(List<QueuedText> batch, Queue<Part> parts)
    {
        int longest = 0;
        while (parts.TryPeek(out Part? part))
        {
            int share = parts.Count == 1 ? maxTexts : Math.Max(1, maxTexts / SharesOfBatch);
            for (int taken = 0; taken < share && part.Rows.Length > 0; taken++)
            {
                var text = new QueuedText(part.Job, part.Rows.Span[0]);
                if (!part.Job.IsOver)
                {
                    longest = Math.Max(longest, text.Ids.Length);
                    bool fits = batch.Count == 0
                        || (batch.Count < maxTexts && (long)longest * (batch.Count + 1) <= maxTokens);
                    if (!fits) return;
                    batch.Add(text);
                }
                Tokens -= text.Ids.Length;
                part.Rows = part.Rows[1..];
            }
            parts.Dequeue();
            if (part.Rows.Length > 0) parts.Enqueue(part);
        }
    }

    /// <summary>What waits of one call in one bucket, the shortest first.</summary>
    private sealed class Part(TextJob job, ReadOnlyMemory<int> rows)
    {
        public TextJob Job => job;

        public ReadOnlyMemory<int> Rows { get; set; } = rows;
    }
}
