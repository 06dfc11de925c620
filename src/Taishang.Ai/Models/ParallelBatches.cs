using System.Runtime.ExceptionServices;

namespace Taishang.Ai.Models;

/// <summary>Batches of one call, some of them under way at once. Used for one run.</summary>
internal sealed class ParallelBatches(int count, int atOnce)
{
    private int _taken;
    private ExceptionDispatchInfo? _first;

    /// <summary>
    /// Sends each batch once. The first that fails cancels those under way, none is begun after it, and when all have
    /// ended its failure is thrown.
    /// </summary>
    /// <param name="send">Takes the batch's number; gives the milliseconds that others were waited for.</param>
    /// <param name="cancellationToken">Of the call.</param>
    /// <returns>The milliseconds that were waited: those of batches side by side pass together.</returns>
    public async Task<double> RunAsync(
        Func<int, CancellationToken, Task<double>> send, CancellationToken cancellationToken)
    {
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var lanes = new Task<double>[Math.Min(atOnce, count)];
        for (int lane = 0; lane < lanes.Length; lane++) lanes[lane] = RunLaneAsync(send, others);
        double[] waited = await Task.WhenAll(lanes);
        _first?.Throw();
        return waited.Length == 0 ? 0 : waited.Max();
    }

    private async Task<double> RunLaneAsync(
        Func<int, CancellationToken, Task<double>> send, CancellationTokenSource others)
    {
        double waitedMs = 0;
        while (Interlocked.Increment(ref _taken) - 1 is var batch && batch < count && _first is null)
        {
            try
            {
                waitedMs += await send(batch, others.Token);
            }
            catch (Exception failure)
            {
                // The cancellations of the others come after it.
                Interlocked.CompareExchange(ref _first, ExceptionDispatchInfo.Capture(failure), null);
                await others.CancelAsync();
                break;
            }
        }
        return waitedMs;
    }
}
