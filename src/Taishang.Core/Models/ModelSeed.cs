using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Models;

/// <summary>
/// Registers the built-in embedder where it is missing, once the schema is in place. What an operator made of it since
/// (another status, a newer version) is let be; several cores may do this at once. It needs no test: it is in the
/// executable.
/// </summary>
internal sealed class ModelSeed(
    ModelStore store, DatabaseState database, TimeProvider time, ILogger<ModelSeed> logger) : BackgroundService
{
    public const string Name = "taishang-embed";
    public const string Provider = "builtin";
    public const string Version = "1.0.0";
    public const string Kind = "embedding";
    public const int Dims = 1024;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // With the database there, the model is registered before the first request; else as soon as it comes.
        if (!database.Ready || !await TrySeedAsync(cancellationToken)) await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await database.WaitReadyAsync(stoppingToken);
        while (!await TrySeedAsync(stoppingToken)) await Task.Delay(Pause, time, stoppingToken);
    }

    private async Task<bool> TrySeedAsync(CancellationToken cancellation)
    {
        try
        {
            var there = await store.FindByNameAsync($"{Provider}/{Name}", cancellation);
            if (!there.Any(model => model.Provider == Provider && model.Name == Name))
                await InsertAsync(cancellation);
            return true;
        }
        catch (ApiException e) when (e.Code == ErrorCodes.ModelExists)
        {
            return true;
        }
        catch (Exception e) when (e is DbException or TimeoutException or ApiException)
        {
            logger.LogWarning(e, "the built-in model is not registered yet; trying again");
            return false;
        }
    }

    private Task InsertAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var id = RowId.New(now);
        return store.InsertAsync(
            new Model
            {
                Id = id,
                Name = Name,
                Provider = Provider,
                Version = Version,
                Status = ModelStatus.Active,
                CreatedAt = now,
                UpdatedAt = now,
            },
            new ModelVersion
            {
                Id = RowId.New(now),
                ModelId = id,
                Version = Version,
                Major = 1,
                Kind = Kind,
                Dims = Dims,
                CreatedAt = now,
            },
            cancellation);
    }
}
