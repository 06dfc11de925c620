using System.Diagnostics;
using System.Globalization;
using Hangfire;
using Hangfire.Bench;
using Hangfire.PostgreSql;

// Runs no-op jobs through Hangfire on a PostgreSQL: the same work as the benchmark of our tasks, as one process.
//   Hangfire.Bench CONNECTION JOBS CREATORS WORKERS       prints jobs a second
var (connection, jobs, creators, workers) = (args[0], Int(args[1]), Int(args[2]), Int(args[3]));
GlobalConfiguration.Configuration.UsePostgreSqlStorage(
    options => options.UseNpgsqlConnection(connection),
    new PostgreSqlStorageOptions
    {
        QueuePollInterval = TimeSpan.FromMilliseconds(50),
        EnableLongPolling = true,
        PrepareSchemaIfNecessary = true,
    });
var storage = JobStorage.Current;
var client = new BackgroundJobClient(storage);
using var server = new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = workers }, storage);

await RunAsync(50);
Console.WriteLine((await RunAsync(jobs)).ToString(CultureInfo.InvariantCulture));

async Task<double> RunAsync(int count)
{
    var succeeded = storage.GetMonitoringApi().SucceededListCount();
    NoopJob.Reset(count);
    var watch = Stopwatch.StartNew();
    await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = creators }, (_, _) =>
    {
        client.Enqueue(() => NoopJob.Run());
        return ValueTask.CompletedTask;
    });
    await NoopJob.Done;
    // Run is not yet recorded as run.
    using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
    while (storage.GetMonitoringApi().SucceededListCount() < succeeded + count) await pause.WaitForNextTickAsync();
    return count / watch.Elapsed.TotalSeconds;
}

static int Int(string text) => int.Parse(text, CultureInfo.InvariantCulture);
