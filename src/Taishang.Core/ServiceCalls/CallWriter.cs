using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>
/// Takes recorded calls to the database in two steps, each in a loop of its own: into text at once, so that large
/// messages are let go of even while the database is away; then in batches, tried again until the database is back.
/// </summary>
internal sealed class CallWriter(
    CallRecorder recorder, ServiceCallStore store, IOptions<ServiceCallOptions> options, TimeProvider time,
    ILogger<CallWriter> logger) : IHostedService, IDisposable
{
    private const int ErrorCharsMax = 1_000;
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _giveUp = new();
    private readonly RecordedJson _json = new(options.Value.RecordedCharsMax);
    private readonly Channel<ServiceCall> _rows = Channel.CreateBounded<ServiceCall>(
        new BoundedChannelOptions(options.Value.QueueRowsMax) { SingleReader = true, SingleWriter = true });

    private Task _running = Task.CompletedTask;
    private long _droppedLogged;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.WhenAll(RenderAsync(), WriteAsync());
        return Task.CompletedTask;
    }

    /// <summary>
    /// What is recorded until here is written, unless the database stays away longer than the option says.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        recorder.Complete();
        await _stop.CancelAsync();
        _giveUp.CancelAfter(options.Value.StopFlushMs);
        await using var hurry = cancellationToken.Register(_giveUp.Cancel);
        await _running;
        LogDropped();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _giveUp.Dispose();
    }

    private async Task RenderAsync()
    {
        await foreach (var call in recorder.Calls.ReadAllAsync(CancellationToken.None))
        {
            if (!_rows.Writer.TryWrite(ToRow(call))) recorder.Drop(1);
            else if (_rows.Reader.Count >= options.Value.BatchRowsMax) recorder.FlushAsked.Set();
        }

        _rows.Writer.Complete();
        recorder.FlushAsked.Set();
    }

    private async Task WriteAsync()
    {
        var batch = new List<ServiceCall>(options.Value.BatchRowsMax);
        var interval = TimeSpan.FromMilliseconds(options.Value.FlushIntervalMs);
        while (await _rows.Reader.WaitToReadAsync(CancellationToken.None))
        {
            if (!_stop.IsCancellationRequested && _rows.Reader.Count < options.Value.BatchRowsMax)
                await recorder.FlushAsked.WaitAsync(interval, _stop.Token).ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing);
            while (batch.Count < options.Value.BatchRowsMax && _rows.Reader.TryRead(out var row)) batch.Add(row);
            if (await TryWriteAsync(batch)) recorder.Settle(batch.Count);
            else recorder.Drop(batch.Count);
            batch.Clear();
            LogDropped();
        }
    }

    private async Task<bool> TryWriteAsync(List<ServiceCall> batch)
    {
        var pause = PauseMin;
        while (true)
        {
            try
            {
                await store.InsertAsync(batch, _giveUp.Token);
                return true;
            }
            catch (Exception e) when (IsAway(e) && !_giveUp.IsCancellationRequested)
            {
                logger.LogWarning("{Count} calls wait for the database: {Reason}", batch.Count, e.Message);
            }
            catch (Exception e)
            {
                logger.LogError(e, "{Count} calls could not be recorded", batch.Count);
                return false;
            }

            await Task.Delay(pause, time, _giveUp.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
        }
    }

    private static bool IsAway(Exception e) =>
        e is ApiException { Code.Number: 10016 } || DatabaseFailure.IsUnavailable(e);

    private void LogDropped()
    {
        var dropped = recorder.Dropped;
        if (dropped == _droppedLogged) return;
        logger.LogWarning(
            "{Count} calls were not recorded, {Total} since the start", dropped - _droppedLogged, dropped);
        _droppedLogged = dropped;
    }

    private ServiceCall ToRow(CallRecord call)
    {
        // Rows keep microseconds, and an id's month must be its row's.
        var createdAt = new DateTimeOffset(call.StartedAt.UtcTicks / 10 * 10, TimeSpan.Zero);
        return new ServiceCall
        {
            Id = RowId.New(createdAt),
            Method = Clean(call.Method, 100) ?? "",
            Request = Render(call.Request),
            Response = Render(call.Response),
            Duration = (long)Math.Round(call.Duration.TotalMilliseconds),
            DurationUs = (long)call.Duration.TotalMicroseconds,
            Status = call.Status.Text(),
            ErrorCode = call.Status == CallStatus.Success ? null : call.ErrorCode,
            ErrorMsg = Clean(call.ErrorMessage, ErrorCharsMax) ?? "",
            TraceId = call.TraceId?.ToHexString(),
            Address = Clean(call.Address, 255) ?? "",
            WorkerId = Clean(call.WorkerId, 36),
            Attempt = call.Attempt,
            CreatedAt = createdAt,
        };
    }

    private string Render(Google.Protobuf.IMessage? message)
    {
        try
        {
            return message is null ? "" : _json.Write(message);
        }
        catch (Exception e)
        {
            // Such as a message that somebody changed while it was written down; the call is recorded all the same.
            logger.LogWarning(e, "A message could not be recorded");
            return "";
        }
    }

    /// <summary>Texts of workers may hold what a database refuses: NUL, half a character, any length.</summary>
    private static string? Clean(string? text, int charsMax)
    {
        if (text is null) return null;
        if (text.Length > charsMax) text = text[..charsMax];
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)).Replace('\0', ' ');
    }
}
