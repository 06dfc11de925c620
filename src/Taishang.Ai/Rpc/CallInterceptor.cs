using Grpc.Core;
using Grpc.Core.Interceptors;
using Taishang.Ai.Remote;

namespace Taishang.Ai.Rpc;

/// <summary>Around every call: its time is counted and its failure told in one way.</summary>
internal sealed class CallInterceptor(WorkerErrors errors, AiMetrics metrics, TimeProvider time) : Interceptor
{
    private const string Ok = "OK";

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var started = time.GetTimestamp();
        CallHops.Enter(context.RequestHeaders);
        try
        {
            var response = await continuation(request, context);
            Count(context, Ok, started);
            return response;
        }
        catch (Exception e)
        {
            throw Fail(e, context, started);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        var started = time.GetTimestamp();
        CallHops.Enter(context.RequestHeaders);
        try
        {
            await continuation(request, responseStream, context);
            Count(context, Ok, started);
        }
        catch (Exception e)
        {
            throw Fail(e, context, started);
        }
    }

    private RpcException Fail(Exception e, ServerCallContext context, long started)
    {
        var failure = errors.ToRpc(e, context);
        Count(context, failure.StatusCode.ToString(), started);
        return failure;
    }

    private void Count(ServerCallContext context, string status, long started) =>
        metrics.Call(context.Method[(context.Method.LastIndexOf('/') + 1)..], status, time.GetElapsedTime(started));
}
