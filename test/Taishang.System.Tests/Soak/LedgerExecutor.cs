using System.Text.Json;
using Taishang.Executors;

namespace Taishang.System.Tests.Soak;

/// <summary>
/// Pays into the <see cref="Ledger"/>: <c>{amount, hold_ms?, fail_until?, refuse?, deaf?}</c>. It shows its fence,
/// holds for a while, then pays. A deaf one does not hear that it is cancelled, as code that blocks does not; it also
/// goes on when it bounced, so that its end comes late to the queue.
/// </summary>
internal sealed class LedgerExecutor : ITaskExecutor
{
    public const string Variable = "TAISHANG_SOAK_LEDGER";
    public const string TypeName = "ledger";

    private readonly Ledger _ledger = new(Environment.GetEnvironmentVariable(Variable)
        ?? throw new InvalidOperationException($"{Variable} is not set"));

    public string Type => TypeName;

    public void Validate(JsonElement payload, PayloadErrors errors)
    {
    }

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var deaf = Number(context.Payload, "deaf") == 1;
        var opened = await _ledger.OpenAsync(context.TaskId, context.Fence);
        if (!opened && !deaf) throw new TaskFailedException("the ledger knows a greater fence", retriable: true);
        if (Number(context.Payload, "refuse") == 1)
            throw new TaskFailedException("the ledger refuses this one", retriable: false);
        if (context.Attempt <= Number(context.Payload, "fail_until"))
            throw new TaskFailedException("the ledger is not ready yet", retriable: true);
        var hold = TimeSpan.FromMilliseconds(Number(context.Payload, "hold_ms"));
        await Task.Delay(hold, deaf ? CancellationToken.None : cancellation);
        var paid = await _ledger.PayAsync(context.TaskId, context.Fence, Number(context.Payload, "amount"));
        return paid || deaf
            ? $$"""{"fence":{{context.Fence}}}"""
            : throw new TaskFailedException("the ledger knows a greater fence by now", retriable: true);
    }

    private static long Number(JsonElement payload, string name) =>
        payload.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
}
