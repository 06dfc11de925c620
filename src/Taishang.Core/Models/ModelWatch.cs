using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;

namespace Taishang.Core.Models;

/// <summary>
/// Tests models again that callers may use, by a timer, in the process that leads. A model that fails is warned of: in
/// the log, and in its <c>status_reason</c>. Only where the options say so does it become inactive. A worker that can
/// not be asked says nothing of a model, so then nothing is counted.
/// </summary>
internal sealed class ModelWatch(
    ModelStore store, ModelTester tester, ModelGate gate, TaskLeadership leadership, DatabaseState state,
    TimeProvider time, IOptions<ModelOptions> options, ILogger<ModelWatch> logger) : BackgroundService
{
    /// <summary>Models of one round; the next takes those that have waited longest.</summary>
    private const int RoundMax = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private readonly ModelOptions _options = options.Value;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_options.RetestMinutes == 0) return;
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(Pause, time, stoppingToken);
                await RoundAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                if (DatabaseFailure.IsUnavailable(e) || e is ApiException)
                    logger.LogWarning("Models are not tested for a while: {Reason}", e.Message);
                else
                    logger.LogError(e, "Testing models failed and goes on after a pause");
            }
        }
    }

    /// <summary>Tests what is due, one after the other: a test may load a model.</summary>
    internal async Task RoundAsync(CancellationToken cancellation)
    {
        var before = time.GetUtcNow() - TimeSpan.FromMinutes(_options.RetestMinutes);
        if (!leadership.IsLeader) return;
        foreach (var model in await store.DueForTestAsync(before, RoundMax, cancellation))
        {
            // Another leads by now: it has this round's models too.
            if (!leadership.IsLeader) return;
            if (await store.FindVersionAsync(model.Id, model.Version, cancellation) is not { } version) continue;
            await JudgeAsync(model, await FaultAsync(model, version, cancellation), cancellation);
        }
    }

    /// <returns>Why it does not work as it should; null when it does.</returns>
    private async Task<string?> FaultAsync(Model model, ModelVersion version, CancellationToken cancellation)
    {
        var test = await tester.TestAsync(model, version, cancellation);
        return test.Passed ? await tester.MisfitAsync(model.Id, version, test, cancellation) : test.Reason;
    }

    private async Task JudgeAsync(Model model, string? fault, CancellationToken cancellation)
    {
        var failed = fault is null ? 0 : model.TestsFailed + 1;
        // A deprecated model has its end already, and its reason tells of it.
        var reason = model.Status == ModelStatus.Deprecated ? model.StatusReason
            : fault is null ? null
            : $"{failed} {(failed == 1 ? "test" : "tests in a row")} failed: {fault}";
        var status = model.Status == ModelStatus.Active && _options.RetestDeactivateAfter > 0
            && failed >= _options.RetestDeactivateAfter ? ModelStatus.Inactive : model.Status;
        // Somebody who changed the model meanwhile knows better.
        if (!await store.SetTestedAsync(model, status, reason, failed, cancellation)) return;
        if (status != model.Status || reason != model.StatusReason) gate.Forget();
        if (fault is not null)
            logger.LogWarning(
                "The model {Model} fails its test, {Count} in a row, and is {Status}: {Reason}",
                model.Reference, failed, status, fault);
        else if (model.TestsFailed > 0)
            logger.LogInformation("The model {Model} passes its test again", model.Reference);
    }
}
