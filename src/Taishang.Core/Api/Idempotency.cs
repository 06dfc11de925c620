using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api;

/// <summary>
/// Gives a repeated POST its first answer. Under a key: a success is kept and given again; a refusal (4xx) made nothing
/// and frees the key; anything else leaves it open whether something was made, so the key is unlocked but keeps the
/// reserved id, by which the next try finds what is there. A key whose process died is unlocked by its lease.
/// </summary>
internal sealed class Idempotency(IdempotencyStore store, IOptions<ApiOptions> options, TimeProvider time)
{
    public const string Header = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";
    public const int KeyLengthMax = 200;

    /// <summary>A request is cancelled this long before its lease ends, so that two never run under one key.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(5);

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Headers[Header] is not { Count: > 0 } header
            || context.GetEndpoint() is not RouteEndpoint endpoint
            || endpoint.Metadata.GetMetadata<IdempotentRoute>() is null)
        {
            await next(context);
            return;
        }

        var request = await DescribeAsync(context, endpoint, CheckKey(header));
        var lease = TimeSpan.FromSeconds(options.Value.IdempotencyLeaseSeconds);
        var claim = await store.ClaimAsync(
            request, lease, TimeSpan.FromHours(options.Value.IdempotencyHours), context.RequestAborted);
        switch (claim.Kind)
        {
            case ClaimKind.Mismatch:
                throw new ApiException(ErrorCodes.IdempotencyMismatch);
            case ClaimKind.InProgress:
                throw new ApiException(ErrorCodes.IdempotencyInProgress);
            case ClaimKind.Answered:
                context.Response.Headers[ReplayedHeader] = "true";
                await SendAsync(context, claim.Status, Encoding.UTF8.GetBytes(claim.Response ?? ""));
                return;
            default:
                await RunAsync(context, next, request, claim, lease - LeaseMargin);
                return;
        }
    }

    private async Task RunAsync(
        HttpContext context, RequestDelegate next, IdempotencyRequest request, IdempotencyClaim claim, TimeSpan limit)
    {
        context.Features.Set(new ReservedRowId(claim.ReservedId));
        byte[] answer;
        try
        {
            answer = await CaptureAsync(context, next, limit);
        }
        catch (Exception e)
        {
            // Not under the request's token: the key must be let go also when the caller has gone.
            if (e is ApiException { Code.HttpStatus: < 500 } refused && refused.Code != ErrorCodes.Cancelled)
                await store.ForgetAsync(request, claim.Owner, CancellationToken.None);
            else
                await store.UnlockAsync(request, claim.Owner, CancellationToken.None);
            throw;
        }

        var status = context.Response.StatusCode;
        if (status < 300)
            await store.CompleteAsync(
                request, claim.Owner, status, Encoding.UTF8.GetString(answer), CancellationToken.None);
        else if (status < 500)
            await store.ForgetAsync(request, claim.Owner, CancellationToken.None);
        else
            await store.UnlockAsync(request, claim.Owner, CancellationToken.None);
        await SendAsync(context, status, answer);
    }

    /// <summary>Runs the handler against a buffer: the answer is kept before the caller sees it.</summary>
    private async Task<byte[]> CaptureAsync(HttpContext context, RequestDelegate next, TimeSpan limit)
    {
        var wire = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        var caller = context.RequestAborted;
        using var buffer = new MemoryStream();
        using var overdue = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(caller, overdue.Token);
        var body = new StreamResponseBodyFeature(buffer);
        context.Features.Set<IHttpResponseBodyFeature>(body);
        context.RequestAborted = either.Token;
        try
        {
            await next(context);
            await body.CompleteAsync();
            return buffer.ToArray();
        }
        catch (OperationCanceledException e) when (overdue.IsCancellationRequested && !caller.IsCancellationRequested)
        {
            throw new ApiException(
                ErrorCodes.AiTimeout, $"the request did not end within {limit.TotalSeconds:0} s", inner: e);
        }
        finally
        {
            context.Features.Set(wire);
            context.RequestAborted = caller;
        }
    }

    private static async Task SendAsync(HttpContext context, int status, byte[] answer)
    {
        context.Response.StatusCode = status;
        if (answer.Length == 0) return;
        context.Response.ContentType = Envelope.JsonContentType;
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }

    private static string CheckKey(Microsoft.Extensions.Primitives.StringValues header)
    {
        if (header is [{ Length: > 0 and <= KeyLengthMax } key] && !key.AsSpan().ContainsAnyExceptInRange('!', '~'))
            return key;
        throw new ApiException(
            ErrorCodes.InvalidArgument, $"{Header}: expected once, 1–{KeyLengthMax} visible ASCII characters");
    }

    private static async Task<IdempotencyRequest> DescribeAsync(
        HttpContext context, RouteEndpoint endpoint, string key)
    {
        var body = await RequestBody.ReadAsync(context, context.RequestAborted);
        var request = context.Request;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{request.Method}\n{request.Path}{request.QueryString}\n"));
        hash.AppendData(body.Bytes.Span);
        return new IdempotencyRequest(
            key, $"{request.Method} {endpoint.RoutePattern.RawText}", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
