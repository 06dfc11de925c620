using Grpc.Core;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Tests.Rpc;

/// <summary>What a refused call carries: status, code and details, as a caller in any language reads them.</summary>
internal static class Refusal
{
    /// <summary>Runs the call, which must be refused with the code in status, trailer and details.</summary>
    public static async Task<RpcException> ExpectAsync(ErrorCode code, string field, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(((int)code).ToString(), refusal.Trailers.GetValue(WorkerErrors.CodeTrailer));
        Assert.Equal(WorkerErrors.StatusOf(code), refusal.StatusCode);
        var bytes = refusal.Trailers.GetValueBytes(WorkerErrors.ErrorsTrailer);
        Assert.NotNull(bytes);
        var detail = Assert.Single(ErrorDetails.Parser.ParseFrom(bytes).Errors);
        Assert.Equal(code, detail.Code);
        Assert.Equal(field, detail.Field);
        Assert.Equal(refusal.Status.Detail, detail.Message);
        Assert.DoesNotContain("   at ", refusal.Status.Detail);
        return refusal;
    }
}
