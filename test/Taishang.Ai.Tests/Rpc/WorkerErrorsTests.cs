using Grpc.Core;
using Taishang.Ai.Indexes;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Testing.Processes;
using ErrorCode = Taishang.Contracts.Ai.V1.ErrorCode;

namespace Taishang.Ai.Tests.Rpc;

public sealed class WorkerErrorsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_code_of_a_worker_has_the_status_of_the_one_error_table()
    {
        foreach (var code in Enum.GetValues<ErrorCode>())
        {
            if (code == ErrorCode.Unspecified) continue;
            Assert.Equal((code, ErrorCodes.ByNumber[(int)code].GrpcStatus), (code, WorkerErrors.StatusOf(code)));
        }
    }

    [Fact]
    public async Task What_nobody_foresaw_is_told_without_its_insides()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        using (var lease = await worker.Get<CollectionStore>().EnterAsync(Guid.Parse(id), CancellationToken.None))
            await lease.Collection.DisposeAsync();
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.WorkerInternal, "", () => worker.SearchAsync(id, [1, 2, 3]));
        Assert.Equal(StatusCode.Internal, refusal.StatusCode);
        Assert.DoesNotContain("Disposed", refusal.Status.Detail);
    }

    [Fact]
    public async Task A_cancelled_call_is_cancelled_and_no_error_of_ours()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:SearchesMax"] = "1");
        var id = await worker.CreateAsync();
        using var place = await worker.Get<CallGates>().Searches.EnterAsync(CancellationToken.None);
        using var leaving = new CancellationTokenSource();
        var call = worker.Client.SearchVectorsAsync(
            WorkerHost.Question(id, [1, 2, 3]), cancellationToken: leaving.Token);
        await leaving.CancelAsync();
        var ended = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, ended.StatusCode);
    }
}
