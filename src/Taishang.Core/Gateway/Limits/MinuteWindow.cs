namespace Taishang.Core.Gateway.Limits;

/// <summary>
/// What was used in the last minute, by seconds: never more than a limit in any sixty seconds, unlike a bucket, which
/// gives a rested caller twice as much, and unlike a clock's minutes around their turn. A second leaves when all of it
/// is sixty seconds old.
/// </summary>
internal sealed class MinuteWindow
{
    /// <summary>Sixty whole seconds and the one that runs.</summary>
    private const int Seconds = 61;

    private readonly long[] _amounts = new long[Seconds];
    private long _newest = long.MinValue;

    public long Sum { get; private set; }

    /// <summary>Lets go what is older than a minute.</summary>
    public void MoveTo(long second)
    {
        if (second <= _newest) return;
        if (_newest == long.MinValue || second - _newest >= Seconds)
        {
            Array.Clear(_amounts);
            Sum = 0;
        }
        else
        {
            for (var next = _newest + 1; next <= second; next++)
            {
                Sum -= _amounts[next % Seconds];
                _amounts[next % Seconds] = 0;
            }
        }

        _newest = second;
    }

    /// <summary>Counts in the second that the window was moved to.</summary>
    public void Add(long amount) => Correct(_newest, amount);

    /// <summary>Counts more or less in a second before; nothing when it has left.</summary>
    public void Correct(long second, long amount)
    {
        if (second <= _newest - Seconds || second > _newest) return;
        _amounts[second % Seconds] += amount;
        Sum += amount;
    }

    /// <summary>The first second at whose beginning there is room, if nothing more is used.</summary>
    public long RoomAt(long amount, long limit)
    {
        var over = Sum + amount - limit;
        for (var second = _newest - Seconds + 1; second <= _newest; second++)
        {
            if (over <= 0) return second - 1 + Seconds;
            if (second >= 0) over -= _amounts[second % Seconds];
        }

        return _newest + Seconds;
    }
}
