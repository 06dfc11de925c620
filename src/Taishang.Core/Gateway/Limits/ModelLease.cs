namespace Taishang.Core.Gateway.Limits;

/// <summary>What a call has taken of a model's limits. Ended exactly once.</summary>
internal sealed class ModelLease(ModelMeter meter, long second, int requests, long tokens)
{
    private int _ended;

    /// <summary>In which it counts.</summary>
    public long Second { get; } = second;

    public int Requests { get; } = requests;

    public long Tokens { get; } = tokens;

    /// <summary>Puts what was used in the place of what was taken.</summary>
    public void Settle(int requests, long tokens)
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0) meter.Return(this, requests, tokens);
    }

    /// <summary>The call failed: it was sent, and whether it was read stands in how.</summary>
    public void Fail(bool mayBeRead) => Settle(Requests, mayBeRead ? Tokens : 0);
}
