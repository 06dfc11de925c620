namespace Taishang.VectorEngine;

/// <summary>How much of what has to be read and checked was; tells it piece by piece.</summary>
/// <param name="allBytes">As far as they are known beforehand: small files at the end may come on top.</param>
/// <param name="target">Is told a share, 0 to 1, that never falls; from one thread at a time.</param>
internal sealed class CopyProgress(long allBytes, IProgress<double>? target)
{
    private long _doneBytes;

    public void Add(long bytes)
    {
        _doneBytes += bytes;
        target?.Report(Math.Min(1, _doneBytes / (double)Math.Max(1, allBytes)));
    }
}
