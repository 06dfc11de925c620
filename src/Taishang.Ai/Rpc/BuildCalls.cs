using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>
/// Index builds, with their progress as a stream. A caller that leaves cancels its build; so do a drop of the
/// collection and the worker's stop.
/// </summary>
internal sealed class BuildCalls(
    CollectionStore store, CallGates gates, AiMetrics metrics, TimeProvider time, IHostApplicationLifetime lifetime)
{
    public async Task BuildAsync(
        BuildIndexRequest request, IServerStreamWriter<BuildIndexProgress> stream, CancellationToken cancellation)
    {
        var id = RequestRules.CollectionId(request.CollectionId);
        if (!Enum.IsDefined(request.Work))
            throw new WorkerException(ErrorCode.InvalidArgument, $"work: no such work, got {request.Work}", "work");
        using var lease = await store.EnterAsync(id, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(
            cancellation, lease.Closing, lifetime.ApplicationStopping);
        try
        {
            await BuildAsync(lease, request.Work, stream, stop.Token);
        }
        catch (OperationCanceledException) when (lease.Closing.IsCancellationRequested
            && !cancellation.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw CollectionEntry.NotFound(id);
        }
    }

    private async Task BuildAsync(
        CollectionLease lease, IndexWork work, IServerStreamWriter<BuildIndexProgress> stream,
        CancellationToken cancellation)
    {
        // The first word tells the caller that it was heard, also when the build has to wait for its turn.
        await stream.WriteAsync(new BuildIndexProgress(), cancellation);
        using var place = await gates.Builds.EnterAsync(cancellation);
        using var activity = AiMetrics.Source.StartActivity("index.build");
        var started = time.GetTimestamp();

        // The newest share is all that anyone wants: a slow reader skips the older ones and never holds up the build.
        var shares = Channel.CreateBounded<double>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        var build = RunAsync(lease.Collection, work, shares.Writer, cancellation);
        try
        {
            await foreach (var share in shares.Reader.ReadAllAsync(cancellation))
                await stream.WriteAsync(new BuildIndexProgress { Fraction = share }, cancellation);
        }
        finally
        {
            // The collection must not be left before its build has let go, however the reading ended.
            await build.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await build;
        var elapsed = time.GetElapsedTime(started);
        metrics.Build(lease.IndexName, elapsed);
        await stream.WriteAsync(
            new BuildIndexProgress
            {
                Fraction = 1,
                Done = true,
                IndexedRows = lease.Collection.Describe().IndexedRows,
                BuildSeconds = elapsed.TotalSeconds,
            },
            cancellation);
    }

    private static async Task RunAsync(
        IVectorCollection collection, IndexWork work, ChannelWriter<double> shares, CancellationToken cancellation)
    {
        var progress = new LatestShare(shares);
        try
        {
            await Task.Run(
                () => work switch
                {
                    IndexWork.Compact => collection.CompactAsync(progress, cancellation),
                    IndexWork.Rebuild => collection.RebuildAsync(progress, cancellation),
                    _ => collection.BuildIndexAsync(progress, cancellation),
                },
                cancellation);
        }
        finally
        {
            shares.TryComplete();
        }
    }

    private sealed class LatestShare(ChannelWriter<double> shares) : IProgress<double>
    {
        public void Report(double value) => shares.TryWrite(value);
    }
}
