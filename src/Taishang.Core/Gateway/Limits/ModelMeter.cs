using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Limits;

/// <summary>Counts what one version of a model is asked for in this process.</summary>
internal sealed class ModelMeter(ModelLimits limits)
{
    /// <summary>Nobody knows when a call that runs will end.</summary>
    private static readonly TimeSpan WaitForAnEnd = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly MinuteWindow _requests = new();
    private readonly MinuteWindow _tokens = new();
    private int _running;

    /// <summary>Whether it can be forgotten: nothing runs, and nothing of the last minute counts.</summary>
    public bool IsIdle(TimeSpan now)
    {
        lock (_gate)
        {
            MoveTo(now);
            return _running == 0 && _requests.Sum == 0 && _tokens.Sum == 0;
        }
    }

    /// <summary>
    /// Takes room for a call. One that asks for more than a whole minute's room is let through when the minute before
    /// is empty: it would never be otherwise.
    /// </summary>
    /// <param name="requests">Calls of the model that it is cut into.</param>
    /// <param name="tokens">An estimate.</param>
    /// <param name="now">Of a clock that only grows.</param>
    /// <param name="lease">What was taken, to be given back; null where there is no room.</param>
    /// <returns>What has no room, and for how long.</returns>
    public MeterAnswer Take(int requests, long tokens, TimeSpan now, out ModelLease? lease)
    {
        lease = null;
        lock (_gate)
        {
            var second = MoveTo(now);
            if (_running >= limits.ParallelCalls)
                return new MeterAnswer("parallel_calls", limits.ParallelCalls.Value, WaitForAnEnd);
            if (limits.RequestsPerMinute is { } most && _requests.Sum + Math.Min(requests, most) > most)
                return new MeterAnswer("requests_per_minute", most, WaitOf(_requests, requests, most, now));
            if (limits.TokensPerMinute is { } many && _tokens.Sum + Math.Min(tokens, many) > many)
                return new MeterAnswer("tokens_per_minute", many, WaitOf(_tokens, tokens, many, now));
            _running++;
            _requests.Add(requests);
            _tokens.Add(tokens);
            lease = new ModelLease(this, second, requests, tokens);
            return default;
        }
    }

    internal void Return(ModelLease lease, int requests, long tokens)
    {
        lock (_gate)
        {
            _running--;
            _requests.Correct(lease.Second, requests - lease.Requests);
            _tokens.Correct(lease.Second, tokens - lease.Tokens);
        }
    }

    private long MoveTo(TimeSpan now)
    {
        var second = (long)now.TotalSeconds;
        _requests.MoveTo(second);
        _tokens.MoveTo(second);
        return second;
    }

    private static TimeSpan WaitOf(MinuteWindow window, long amount, long limit, TimeSpan now) =>
        TimeSpan.FromSeconds(window.RoomAt(Math.Min(amount, limit), limit)) - now;
}

/// <summary>What a meter says to a call.</summary>
/// <param name="Limit">The field of the config that has no room; null where all have.</param>
/// <param name="Most">Of that limit.</param>
/// <param name="Wait">Until there is room, if nobody else takes it.</param>
internal readonly record struct MeterAnswer(string? Limit, long Most, TimeSpan Wait);
