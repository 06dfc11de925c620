using Taishang.VectorEngine.Log;

namespace Taishang.VectorEngine;

/// <summary>What a shard's recovery asks and tells the collection above it.</summary>
/// <param name="isWhole">Whether the call of a number was committed.</param>
internal sealed class ShardParts(Func<long, bool> isWhole)
{
    /// <summary>The highest number met in the logs.</summary>
    public long Highest { get; private set; }

    public bool IsWhole(long number)
    {
        Highest = Math.Max(Highest, number);
        return isWhole(number);
    }
}

/// <summary>Tells, record by record of a replay, which count: those of calls that never became whole do not.</summary>
/// <param name="parts">Null for a collection that is no shard.</param>
/// <param name="folder">For the message alone.</param>
internal sealed class PartReplay(ShardParts? parts, string folder)
{
    private long _log;
    private int _left;
    private bool _counts = true;

    /// <summary>That the last mark's records did not all come: what is written next must begin another log, or it would
    /// pass for them.</summary>
    public bool IsCutOff => _left > 0;

    /// <param name="payload">The next record.</param>
    /// <param name="log">Number of the file that it lies in; a mark and its records lie in one.</param>
    public bool Counts(ReadOnlySpan<byte> payload, long log)
    {
        if (log != _log)
            (_log, _left) = (log, 0);

        if (LogRecord.TryReadPart(payload, out var number, out var records))
        {
            if (parts is null)
                throw new InvalidOperationException($"{folder} is a shard: open the collection that it belongs to");

            _left = records;
            _counts = parts.IsWhole(number);
            return false;
        }

        if (_left == 0)
            return true;

        _left--;
        return _counts;
    }
}
