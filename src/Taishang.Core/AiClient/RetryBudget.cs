namespace Taishang.Core.AiClient;

/// <summary>
/// Keeps retries to a share of the calls, so that workers in trouble are not hit several times as hard: each call puts
/// a part of a retry aside, each retry takes a whole one, and no more than the reserve is ever saved up.
/// </summary>
/// <param name="percent">Retries for every hundred calls.</param>
/// <param name="reserve">Retries that can be saved up; as many are there at the start.</param>
internal sealed class RetryBudget(int percent, int reserve)
{
    private const int Whole = 100;

    private int _hundredths = reserve * Whole;

    public void CallMade()
    {
        var now = Volatile.Read(ref _hundredths);
        // A race loses a hundredth of a retry, which is not worth a loop on the path of every call.
        if (now < reserve * Whole)
            Interlocked.CompareExchange(ref _hundredths, Math.Min(now + percent, reserve * Whole), now);
    }

    public bool TryTake()
    {
        while (true)
        {
            var now = Volatile.Read(ref _hundredths);
            if (now < Whole) return false;
            if (Interlocked.CompareExchange(ref _hundredths, now - Whole, now) == now) return true;
        }
    }
}
