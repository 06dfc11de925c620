using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>Takes the floats that a model gave for one text: <paramref name="columns"/> of them, or that many for each
/// token. Called once a row, from any thread; what it throws fails its own call alone.</summary>
internal delegate void RowSink(int row, ReadOnlySpan<float> output, int columns);

/// <summary>The texts of one call on their way through a <see cref="TextBatcher"/>.</summary>
internal sealed class TextJob
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RowSink _sink;
    private int _left;

    /// <summary>Takes over the texts; the model must stay lent until <see cref="Done"/>.</summary>
    public TextJob(OnnxModel model, TokenizedText[] texts, RowSink sink)
    {
        Model = model;
        Texts = texts;
        Tokens = texts.Sum(text => (long)text.Ids.Length);
        _sink = sink;
        _left = texts.Length;
    }

    public OnnxModel Model { get; }

    public TokenizedText[] Texts { get; }

    /// <summary>Tokens of all texts together.</summary>
    public long Tokens { get; }

    /// <summary>Ends when the last row was given, or with the first failure.</summary>
    public Task Done => _done.Task;

    /// <summary>True once nobody waits for the rest of it.</summary>
    public bool IsOver => _done.Task.IsCompleted;

    public void Give(int row, ReadOnlySpan<float> output, int columns)
    {
        if (IsOver) return;
        try
        {
            _sink(row, output, columns);
        }
        catch (ModelException failure)
        {
            Fail(failure);
            return;
        }
        if (Interlocked.Decrement(ref _left) == 0) _done.TrySetResult();
    }

    public void Fail(Exception failure) => _done.TrySetException(failure);

    public void Cancel(CancellationToken cancellationToken) => _done.TrySetCanceled(cancellationToken);
}
